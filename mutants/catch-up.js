export const catchUp = []

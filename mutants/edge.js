export const edge = []

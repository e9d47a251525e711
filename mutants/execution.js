export const execution = []

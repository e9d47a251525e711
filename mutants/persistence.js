export const persistence = []

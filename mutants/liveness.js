export const liveness = []

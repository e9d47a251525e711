export * from './application.js'
export * from './interface.js'

export { type ElaborateOptions, type Elaboration, elaborateDrat } from './elaborate.js'
export { type DratFormat, dratFormatOf } from './lemmas.js'

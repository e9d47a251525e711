/** Small databases for comparisons: one by hand that uses all of the language, and a part of the bundled library. */
import { readFileSync } from 'node:fs'

const LIBRARY = new URL('../../packages/proofs/library/propositional.mm', import.meta.url)

export const BY_HAND = `$( All of the language in thirty lines. $)
$c wff set |- ( ) -> A. = $.
$v p q x y z $.
wp $f wff p $.  wq $f wff q $.  vx $f set x $.  vy $f set y $.  vz $f set z $.
wi $a wff ( p -> q ) $.
weq $a wff x = y $.
wal $a wff A. x p $.
ax1 $a |- ( p -> ( q -> p ) ) $.
\${ min $e |- p $. maj $e |- ( p -> q ) $. mp $a |- q $. $}
\${ $d x p $. ax5 $a |- ( p -> A. x p ) $. $}
\${ dr $e |- A. x p $. drop $a |- p $. $}
\${ $d x y z $. axd $a |- A. x A. y x = z $. $}
\${ a1i.1 $e |- p $. a1i $p |- ( q -> p ) $= ( wi ax1 mp ) ABADCABEF $. $}
plain $p |- ( p -> ( q -> p ) ) $= wp wq ax1 $.
saved $p wff ( ( p -> p ) -> ( p -> p ) ) $= ( wi ) AABZCB $.
\${ $d y p $. round.1 $e |- p $. round $p |- p $= ( vy wal ax5 mp drop ) ACAACDBACEFG $. $}
\${ $d x y $. $d y z x $. all $p |- A. x A. y x = z $= ( axd ) ABCD $. $}
\${ $v s $. ws $f wff s $. inner $p |- ( s -> ( s -> s ) ) $= ws ws ax1 $. $}
\${ $v s $. ws2 $f wff s $. again $p |- ( s -> ( s -> s ) ) $= ( ax1 ) AAB $. $}
cited $p |- ( q -> ( p -> ( q -> p ) ) ) $= ( wi ax1 a1i ) ABACCBABDE $.
`

/** The bundled library up to its first theorems. @param {number} theorems */
export function bundledPart(theorems) {
  const text = readFileSync(LIBRARY, 'latin1')
  let end = 0
  for (let i = 0; i < theorems; i++) end = text.indexOf('$=', end) + 2
  end = text.indexOf('$.', end) + 2
  const open = text.slice(0, end).split('${').length - text.slice(0, end).split('$}').length
  return `${text.slice(0, end)}${' $}'.repeat(open)}\n`
}

$( Classical propositional logic for Aethel: three axioms, one rule, definitions, and what follows from them.

   Written for the Aethel project. To the extent possible under law, its authors waive all copyright and related
   rights to this file (CC0 1.0); where that is not possible it is licensed under Apache-2.0.

   Everything below "Theorems" is proved from the statements above it; the proofs are in compressed form. $)

$( ----------------------------------------------------------------------
   Syntax
   ---------------------------------------------------------------------- $)

$c wff |- ( ) -> ~ & | <-> ^ T F $.
$v p q r s t u $.

v-p $f wff p $.
v-q $f wff q $.
v-r $f wff r $.
v-s $f wff s $.
v-t $f wff t $.
v-u $f wff u $.

$( If p and q are formulas, so is "p implies q". $)
w-imp $a wff ( p -> q ) $.
$( "Not p". $)
w-not $a wff ~ p $.
$( "p and q". $)
w-and $a wff ( p & q ) $.
$( "p or q", or both. $)
w-or $a wff ( p | q ) $.
$( "p if and only if q". $)
w-iff $a wff ( p <-> q ) $.
$( "Either p or q", not both. $)
w-xor $a wff ( p ^ q ) $.
$( Truth. $)
w-true $a wff T $.
$( Falsehood. $)
w-false $a wff F $.

$( ----------------------------------------------------------------------
   Axioms and rule
   ---------------------------------------------------------------------- $)

  ${
    mp.1 $e |- p $.
    mp.2 $e |- ( p -> q ) $.
    $( Modus ponens: what follows from a theorem is a theorem. $)
    mp $a |- q $.
  $}

  $( What holds, holds whatever else does. $)
  ax-keep $a |- ( p -> ( q -> p ) ) $.

  $( Implication distributes over implication. $)
  ax-spread $a |- ( ( p -> ( q -> r ) ) -> ( ( p -> q ) -> ( p -> r ) ) ) $.

  $( The converse of contraposition; the one axiom that makes the logic classical. $)
  ax-contra $a |- ( ( ~ p -> ~ q ) -> ( q -> p ) ) $.

$( ----------------------------------------------------------------------
   Definitions, each as two implications, so that they need nothing but the axioms above
   ---------------------------------------------------------------------- $)

  $( Conjunction, unfolded. $)
  def-and-1 $a |- ( ( p & q ) -> ~ ( p -> ~ q ) ) $.

  $( Conjunction, folded. $)
  def-and-2 $a |- ( ~ ( p -> ~ q ) -> ( p & q ) ) $.

  $( Disjunction, unfolded. $)
  def-or-1 $a |- ( ( p | q ) -> ( ~ p -> q ) ) $.

  $( Disjunction, folded. $)
  def-or-2 $a |- ( ( ~ p -> q ) -> ( p | q ) ) $.

  $( Equivalence, unfolded. $)
  def-iff-1 $a |- ( ( p <-> q ) -> ( ( p -> q ) & ( q -> p ) ) ) $.

  $( Equivalence, folded. $)
  def-iff-2 $a |- ( ( ( p -> q ) & ( q -> p ) ) -> ( p <-> q ) ) $.

  $( Exclusive disjunction, unfolded. $)
  def-xor-1 $a |- ( ( p ^ q ) -> ~ ( p <-> q ) ) $.

  $( Exclusive disjunction, folded. $)
  def-xor-2 $a |- ( ~ ( p <-> q ) -> ( p ^ q ) ) $.

  $( Truth, unfolded. $)
  def-true-1 $a |- ( T -> ( p -> p ) ) $.

  $( Truth, folded. $)
  def-true-2 $a |- ( ( p -> p ) -> T ) $.

  $( Falsehood, unfolded. $)
  def-false-1 $a |- ( F -> ~ T ) $.

  $( Falsehood, folded. $)
  def-false-2 $a |- ( ~ T -> F ) $.

$( ----------------------------------------------------------------------
   Theorems: implication
   ---------------------------------------------------------------------- $)

  $( Everything implies itself. $)
  id $p |- ( p -> p ) $=
    ( w-imp ax-keep ax-spread mp ) AAABZBZFAACAFABBGFBAFCAFADEE $.

  ${
    keep-i.1 $e |- p $.
    $( A theorem follows from anything. $)
    keep-i $p |- ( q -> p ) $=
    ( w-imp ax-keep mp ) ABADCABEF $.
  $}

  ${
    mp-d.1 $e |- ( p -> q ) $.
    mp-d.2 $e |- ( p -> ( q -> r ) ) $.
    $( Modus ponens under an assumption. $)
    mp-d $p |- ( p -> r ) $=
    ( w-imp ax-spread mp ) ABFZACFZDABCFFIJFEABCGHH $.
  $}

  ${
    chain.1 $e |- ( p -> q ) $.
    chain.2 $e |- ( q -> r ) $.
    $( Two implications in a row. $)
    chain $p |- ( p -> r ) $=
    ( w-imp ax-keep mp ax-spread ) ABFZACFZDABCFZFZJKFLMELAGHABCIHH $.
  $}

  ${
    spread-i.1 $e |- ( p -> ( q -> r ) ) $.
    $( Distribution, as a rule. $)
    spread-i $p |- ( ( p -> q ) -> ( p -> r ) ) $=
    ( w-imp ax-spread mp ) ABCEEABEACEEDABCFG $.
  $}

  $( Composition of implications. $)
  compose $p |- ( ( q -> r ) -> ( ( p -> q ) -> ( p -> r ) ) ) $=
    ( w-imp ax-keep ax-spread chain ) BCDZAHDABDACDDHAEABCFG $.

  ${
    compose-i.1 $e |- ( q -> r ) $.
    $( An implication may be put behind another. $)
    compose-i $p |- ( ( p -> q ) -> ( p -> r ) ) $=
    ( w-imp compose mp ) BCEABEACEEDABCFG $.
  $}

  $( Two assumptions may change places. $)
  swap $p |- ( ( p -> ( q -> r ) ) -> ( q -> ( p -> r ) ) ) $=
    ( w-imp ax-keep keep-i ax-spread compose chain mp-d )
    ABCDDZBABDZDZBACDZDZMKBAEFKLNDMODABCGBLNHIJ $.

  ${
    swap-i.1 $e |- ( p -> ( q -> r ) ) $.
    $( Two assumptions change places, as a rule. $)
    swap-i $p |- ( q -> ( p -> r ) ) $=
    ( w-imp swap mp ) ABCEEBACEEDABCFG $.
  $}

  $( Composition, the other way round. $)
  then $p |- ( ( p -> q ) -> ( ( q -> r ) -> ( p -> r ) ) ) $=
    ( w-imp compose swap mp ) BCDZABDZACDZDDIHJDDABCEHIJFG $.

  ${
    then-i.1 $e |- ( p -> q ) $.
    $( An implication may be put before another. $)
    then-i $p |- ( ( q -> r ) -> ( p -> r ) ) $=
    ( w-imp then mp ) ABEBCEACEEDABCFG $.
  $}

  $( An assumption made twice is made once. $)
  contract $p |- ( ( p -> ( p -> q ) ) -> ( p -> q ) ) $=
    ( w-imp id ax-spread swap-i mp ) AACZAABCZCZICADJHIAABEFG $.

  ${
    contract-i.1 $e |- ( p -> ( p -> q ) ) $.
    $( Contraction, as a rule. $)
    contract-i $p |- ( p -> q ) $=
    ( w-imp contract mp ) AABDZDGCABEF $.
  $}

  $( Modus ponens as a formula. $)
  assert $p |- ( p -> ( ( p -> q ) -> q ) ) $=
    ( w-imp id swap mp ) ABCZGCAGBCCGDGABEF $.

  ${
    chain3.1 $e |- ( p -> q ) $.
    chain3.2 $e |- ( q -> r ) $.
    chain3.3 $e |- ( r -> s ) $.
    $( Three implications in a row. $)
    chain3 $p |- ( p -> s ) $=
    ( chain ) ACDABCEFHGH $.
  $}

  ${
    chain-under.1 $e |- ( p -> ( q -> r ) ) $.
    chain-under.2 $e |- ( r -> s ) $.
    $( A consequence under two assumptions. $)
    chain-under $p |- ( p -> ( q -> s ) ) $=
    ( w-imp compose mp chain ) ABCGZBDGZECDGKLGFBCDHIJ $.
  $}

  ${
    mp2.1 $e |- p $.
    mp2.2 $e |- q $.
    mp2.3 $e |- ( p -> ( q -> r ) ) $.
    $( Modus ponens, twice. $)
    mp2 $p |- r $=
    ( w-imp mp ) BCEABCGDFHH $.
  $}

  ${
    mp-d2.1 $e |- ( p -> q ) $.
    mp-d2.2 $e |- ( p -> r ) $.
    mp-d2.3 $e |- ( p -> ( q -> ( r -> s ) ) ) $.
    $( Modus ponens twice under an assumption. $)
    mp-d2 $p |- ( p -> s ) $=
    ( w-imp mp-d ) ACDFABCDHEGII $.
  $}

  $( The third assumption comes first. $)
  swap3 $p |- ( ( p -> ( q -> ( r -> s ) ) ) -> ( r -> ( p -> ( q -> s ) ) ) ) $=
    ( w-imp swap compose mp chain ) ABCDEEZEZACBDEZEZEZCALEEJMEKNEBCDFAJMGHACLFI $.

  $( What holds, holds under two assumptions. $)
  keep2 $p |- ( p -> ( q -> ( r -> p ) ) ) $=
    ( w-imp ax-keep chain ) ACADZBGDACEGBEF $.

  $( Distribution, read backwards. $)
  spread-rev $p |- ( ( ( p -> q ) -> ( p -> r ) ) -> ( p -> ( q -> r ) ) ) $=
    ( w-imp ax-keep compose swap-i mp swap chain ) ABDZACDZDZBLDZABCDDBKDZMNDBAEMONBKLFGHBACIJ $.

  $( A weaker assumption. $)
  frege-assert $p |- ( ( ( p -> q ) -> r ) -> ( q -> r ) ) $=
    ( w-imp ax-keep compose swap-i mp ) BABDZDZICDZBCDZDBAEKJLBICFGH $.

  $( Three detours are one. $)
  triple $p |- ( ( ( ( p -> q ) -> q ) -> q ) -> ( p -> q ) ) $=
    ( w-imp id swap mp compose swap-i ) AABCZBCZCZJBCZICIICKIDIABEFLKIAJBGHF $.

$( ----------------------------------------------------------------------
   Theorems: negation
   ---------------------------------------------------------------------- $)

  $( From a contradiction, anything. $)
  absurd $p |- ( ~ p -> ( p -> q ) ) $=
    ( w-not w-imp ax-keep ax-contra chain ) ACZBCZHDABDHIEBAFG $.

  $( From a contradiction, anything; the other order. $)
  absurd-r $p |- ( p -> ( ~ p -> q ) ) $=
    ( w-not w-imp absurd swap mp ) ACZABDDAHBDDABEHABFG $.

  ${
    absurd-i.1 $e |- p $.
    absurd-i.2 $e |- ~ p $.
    $( A contradiction among theorems proves everything. $)
    absurd-i $p |- q $=
    ( w-not w-imp absurd mp ) ABCAEABFDABGHH $.
  $}

  ${
    contra-i.1 $e |- ( ~ p -> ~ q ) $.
    $( The converse of contraposition, as a rule. $)
    contra-i $p |- ( q -> p ) $=
    ( w-not w-imp ax-contra mp ) ADBDEBAECABFG $.
  $}

  $( What follows from its own negation holds. $)
  clavius $p |- ( ( ~ p -> p ) -> p ) $=
    ( w-imp w-not id absurd ax-spread mp ax-contra chain swap-i )
    AABZACZABZABADMKAMLKCZBZKABLANBBMOBANELANFGAKHIJG $.

  $( Double negation goes. $)
  dn-e $p |- ( ~ ~ p -> p ) $=
    ( w-not w-imp absurd clavius chain ) ABZBGACAGADAEF $.

  $( Double negation comes. $)
  dn-i $p |- ( p -> ~ ~ p ) $=
    ( w-not w-imp dn-e ax-contra mp ) ABZBZBGCAHCGDHAEF $.

  ${
    dn-e-i.1 $e |- ~ ~ p $.
    $( Double negation goes, as a rule. $)
    dn-e-i $p |- p $=
    ( w-not dn-e mp ) ACCABADE $.
  $}

  ${
    dn-i-i.1 $e |- p $.
    $( Double negation comes, as a rule. $)
    dn-i-i $p |- ~ ~ p $=
    ( w-not dn-i mp ) AACCBADE $.
  $}

  $( Contraposition. $)
  contrapose $p |- ( ( p -> q ) -> ( ~ q -> ~ p ) ) $=
    ( w-imp w-not dn-e compose swap-i mp dn-i chain ax-contra )
    ABCZADZDZBDZDZCZOMCLNBCZQNACZLRCAELSRNABFGHBPCRQCBINBPFHJMOK J $.

  ${
    contrapose-i.1 $e |- ( p -> q ) $.
    $( Contraposition, as a rule. $)
    contrapose-i $p |- ( ~ q -> ~ p ) $=
    ( w-imp w-not contrapose mp ) ABDBEAEDCABFG $.
  $}

  $( Contraposition with the negation on the right. $)
  contra-swap $p |- ( ( p -> ~ q ) -> ( q -> ~ p ) ) $=
    ( w-not w-imp dn-e compose swap-i mp ax-contra chain ) ABCZDZACZCZKDZBMDNADZLODAELPONAKFGHMBIJ
    $.

  $( Contraposition with the negation on the left. $)
  contra-flip $p |- ( ( ~ p -> q ) -> ( ~ q -> p ) ) $=
    ( w-not w-imp dn-i compose mp ax-contra chain ) ACZBDZJBCZCZDZLADBMDKNDBEJBMFGALHI $.

  ${
    contra-swap-i.1 $e |- ( p -> ~ q ) $.
    $( Contraposition with the negation on the right, as a rule. $)
    contra-swap-i $p |- ( q -> ~ p ) $=
    ( w-not w-imp contra-swap mp ) ABDEBADECABFG $.
  $}

  ${
    contra-flip-i.1 $e |- ( ~ p -> q ) $.
    $( Contraposition with the negation on the left, as a rule. $)
    contra-flip-i $p |- ( ~ q -> p ) $=
    ( w-not w-imp contra-flip mp ) ADBEBDAECABFG $.
  $}

  ${
    tollens.1 $e |- ~ q $.
    tollens.2 $e |- ( p -> q ) $.
    $( Modus tollens. $)
    tollens $p |- ~ p $=
    ( w-not w-imp contrapose mp ) BEZAEZCABFIJFDABGHH $.
  $}

  $( What follows either way holds. $)
  cases $p |- ( ( p -> q ) -> ( ( ~ p -> q ) -> q ) ) $=
    ( w-imp w-not contrapose compose swap mp chain clavius )
    ABCZADZBCZBDZBCZCZMBCZKNLCZPABEMROCCRPCNLBFMROGHIOBCPQCBJMOB FHI $.

  ${
    cases-i.1 $e |- ( p -> q ) $.
    cases-i.2 $e |- ( ~ p -> q ) $.
    $( What follows either way holds, as a rule. $)
    cases-i $p |- q $=
    ( w-not w-imp cases mp ) AEBFZBDABFIBFCABGHH $.
  $}

  $( Peirce: implication alone is already classical. $)
  peirce $p |- ( ( ( p -> q ) -> p ) -> p ) $=
    ( w-imp w-not absurd compose swap-i mp clavius chain ) ABCZACZADZACZAMKCZLNCABELONMKAFGHAIJ $.

  $( What implies its own negation does not hold. $)
  neg-self $p |- ( ( p -> ~ p ) -> ~ p ) $=
    ( w-not w-imp id cases swap-i mp ) ABZHCZAHCZHCHDJIHAHEFG $.

  $( What leads to a contradiction does not hold. $)
  reductio $p |- ( ( p -> q ) -> ( ( p -> ~ q ) -> ~ p ) ) $=
    ( w-imp w-not absurd compose mp ax-spread chain swap neg-self )
    ABCZABDZCZAADZCZCZNOCZNLPCZCLQCNABOCZCZSMTCNUACBOEAMTFGABOHI NLPJGPOCQRCAKNPOFGI $.

  $( What cannot be false holds. $)
  reductio-not $p |- ( ( ~ p -> q ) -> ( ( ~ p -> ~ q ) -> p ) ) $=
    ( w-not w-imp absurd compose mp ax-spread chain swap clavius )
    ACZBDZLBCZDZLADZDZOADZOMPDZDMQDOLBADZDZSNTDOUADBAELNTFGLBAHI OMPJGPADQRDAKOPAFGI $.

  $( A false implication has a true assumption. $)
  neg-imp-l $p |- ( ~ ( p -> q ) -> p ) $=
    ( w-not w-imp absurd contra-flip mp ) ACABDZDHCADABEAHFG $.

  $( A false implication has a false conclusion. $)
  neg-imp-r $p |- ( ~ ( p -> q ) -> ~ q ) $=
    ( w-imp w-not ax-keep contrapose mp ) BABCZCHDBDCBAEBHFG $.

  $( A counterexample refutes an implication. $)
  imp-refute $p |- ( p -> ( ~ q -> ~ ( p -> q ) ) ) $=
    ( w-imp w-not id swap mp contrapose chain ) AABCZBCZBDJDCJJCAKCJEJABFGJBHI $.

  $( Of two formulas, one implies the other. $)
  linear $p |- ( ~ ( p -> q ) -> ( q -> p ) ) $=
    ( w-imp w-not neg-imp-l ax-keep chain ) ABCDABACABEABFG $.

$( ----------------------------------------------------------------------
   Theorems: conjunction
   ---------------------------------------------------------------------- $)

  $( A conjunction from its parts. $)
  and-i $p |- ( p -> ( q -> ( p & q ) ) ) $=
    ( w-not w-imp w-and id swap mp contra-swap chain def-and-2 compose )
    ABABCZDZCZDZBABEZDZANMDZPNNDASDNFNAMGHNBIJOQDPRDABKBOQLHJ $.

  $( The left part of a conjunction. $)
  and-l $p |- ( ( p & q ) -> p ) $=
    ( w-and w-not w-imp def-and-1 absurd contra-flip mp chain ) ABCABDZEZDZAABFADLEMAEAKGALHIJ $.

  $( The right part of a conjunction. $)
  and-r $p |- ( ( p & q ) -> q ) $=
    ( w-and w-not w-imp def-and-1 ax-keep contra-flip mp chain ) ABCABDZEZDZBABFKLEMBEKAGBLHIJ $.

  ${
    and-both.1 $e |- p $.
    and-both.2 $e |- q $.
    $( Two theorems are one. $)
    and-both $p |- ( p & q ) $=
    ( w-and w-imp and-i mp ) BABEZDABIFCABGHH $.
  $}

  ${
    and-left.1 $e |- ( p & q ) $.
    $( The left part, as a rule. $)
    and-left $p |- p $=
    ( w-and and-l mp ) ABDACABEF $.
  $}

  ${
    and-right.1 $e |- ( p & q ) $.
    $( The right part, as a rule. $)
    and-right $p |- q $=
    ( w-and and-r mp ) ABDBCABEF $.
  $}

  ${
    and-d.1 $e |- ( p -> q ) $.
    and-d.2 $e |- ( p -> r ) $.
    $( A conjunction under an assumption. $)
    and-d $p |- ( p -> ( q & r ) ) $=
    ( w-and w-imp and-i chain mp-d ) ACBCFZEABCKGDBCHIJ $.
  $}

  $( Two assumptions are one conjunction. $)
  import $p |- ( ( p -> ( q -> r ) ) -> ( ( p & q ) -> r ) ) $=
    ( w-and w-imp and-r and-l compose swap-i mp ax-spread chain )
    ABDZBEZABCEZEZMCEZEABFPNQPMOEZNQEMAEZPREABGPSRMAOHIJMBCKLIJ $.

  $( A conjunction of assumptions is two. $)
  export $p |- ( ( ( p & q ) -> r ) -> ( p -> ( q -> r ) ) ) $=
    ( w-and w-imp and-i compose chain swap-i mp ) ABABDZEZEZKCEZABCEZEZEABFNMPNLOEMPEBKCGALOGHIJ $.

  ${
    import-i.1 $e |- ( p -> ( q -> r ) ) $.
    $( Two assumptions are one conjunction, as a rule. $)
    import-i $p |- ( ( p & q ) -> r ) $=
    ( w-imp w-and import mp ) ABCEEABFCEDABCGH $.
  $}

  ${
    export-i.1 $e |- ( ( p & q ) -> r ) $.
    $( A conjunction of assumptions is two, as a rule. $)
    export-i $p |- ( p -> ( q -> r ) ) $=
    ( w-and w-imp export mp ) ABECFABCFFDABCGH $.
  $}

  $( The parts of a conjunction change places. $)
  and-swap $p |- ( ( p & q ) -> ( q & p ) ) $=
    ( w-and and-l w-imp and-r and-i chain mp-d ) ABCZABACZABDJBAKEABFBAGHI $.

  $( Once is twice. $)
  and-twice $p |- ( p -> ( p & p ) ) $=
    ( w-and id and-i mp-d ) AAAABACAADE $.

  $( Conjunction may be grouped to the right. $)
  and-assoc-1 $p |- ( ( ( p & q ) & r ) -> ( p & ( q & r ) ) ) $=
    ( w-and and-r w-imp and-l chain and-i mp-d )
    ABDZCDZBCDZAMDZLCMKCELBCMFLKBKCGZABEHBCIHJLAMNFLKAOABGHAMIHJ $.

  $( Conjunction may be grouped to the left. $)
  and-assoc-2 $p |- ( ( p & ( q & r ) ) -> ( ( p & q ) & r ) ) $=
    ( w-and and-r chain w-imp and-l and-i mp-d )
    ABCDZDZCABDZCDZLKCAKEZBCEFLMCNGLBMLKBOBCHFLABMGAKHABIFJMCIFJ $.

  $( Implications between the parts of conjunctions. $)
  and-map $p |- ( ( p -> q ) -> ( ( r -> s ) -> ( ( p & r ) -> ( q & s ) ) ) ) $=
    ( w-imp w-and and-r compose swap-i mp and-l and-i chain ax-spread )
    CDEZACFZDEZEZABEZOPBDFZEZEZEPCEZRACGOUCQPCDHIJSRUBSQUAEZRUBE
    SPDTEZEZUDSPBEZUFPAEZSUGEACKSUHUGPABHIJBUEEUGUFEBDLPBUEHJMPD TNMOQUAHMIJ $.

  ${
    and-map-i.1 $e |- ( p -> q ) $.
    and-map-i.2 $e |- ( r -> s ) $.
    $( Implications between the parts of conjunctions, as a rule. $)
    and-map-i $p |- ( ( p & r ) -> ( q & s ) ) $=
    ( w-and and-r chain w-imp and-l and-i mp-d ) ACGZDBDGZNCDACHFINBDOJNABACKEIBDLIM $.
  $}

  $( Modus ponens on a conjunction. $)
  detach $p |- ( ( ( p -> q ) & p ) -> q ) $=
    ( w-imp w-and and-r and-l mp-d ) ABCZADABHAEHAFG $.

  $( Two implications in a row, on a conjunction. $)
  chain-and $p |- ( ( ( p -> q ) & ( q -> r ) ) -> ( p -> r ) ) $=
    ( w-imp w-and and-l and-r compose chain mp-d ) ABDZBCDZEZKACDZKLFMLKNDKLGABCHIJ $.

  $( Two conclusions are one. $)
  imp-and $p |- ( ( ( p -> q ) & ( p -> r ) ) -> ( p -> ( q & r ) ) ) $=
    ( w-imp w-and and-r and-l and-i compose mp chain ax-spread mp-d )
    ABDZACDZEZOABCEZDZNOFPACQDZDZORDPNTNOGBSDNTDBCHABSIJKACQLKM $.

  $( One conclusion is two. $)
  imp-and-rev $p |- ( ( p -> ( q & r ) ) -> ( ( p -> q ) & ( p -> r ) ) ) $=
    ( w-and w-imp and-r compose mp and-l and-i chain mp-d )
    ABCDZEZACEZABEZODZMCENOEBCFAMCGHNPOQEMBENPEBCIAMBGHPOJKL $.

  $( Nothing is both true and false. $)
  no-contradiction $p |- ~ ( p & ~ p ) $=
    ( w-not w-and w-imp and-l and-r absurd chain mp-d neg-self mp )
    AABZCZMBZDNMANALEMLANDALFANGHIMJK $.

  $( A counterexample, on a conjunction. $)
  and-not-imp $p |- ( ( p & ~ q ) -> ~ ( p -> q ) ) $=
    ( w-not w-and w-imp and-r and-l imp-refute chain mp-d ) ABCZDZKABECZAKFLAKMEAKGABHIJ $.

  $( What refutes an implication. $)
  not-imp-and $p |- ( ~ ( p -> q ) -> ( p & ~ q ) ) $=
    ( w-imp w-not w-and neg-imp-r neg-imp-l and-i chain mp-d ) ABCDZBDZALEZABFKALMCABGALHIJ $.

$( ----------------------------------------------------------------------
   Theorems: disjunction
   ---------------------------------------------------------------------- $)

  $( A disjunction from its left part. $)
  or-l $p |- ( p -> ( p | q ) ) $=
    ( w-not w-imp w-or absurd swap mp def-or-2 chain ) AACZBDZABEKABDDALDABFKABGHABIJ $.

  $( A disjunction from its right part. $)
  or-r $p |- ( q -> ( p | q ) ) $=
    ( w-not w-imp w-or ax-keep def-or-2 chain ) BACZBDABEBIFABGH $.

  ${
    or-left.1 $e |- p $.
    $( A disjunction from its left part, as a rule. $)
    or-left $p |- ( p | q ) $=
    ( w-or or-l mp ) AABDCABEF $.
  $}

  ${
    or-right.1 $e |- q $.
    $( A disjunction from its right part, as a rule. $)
    or-right $p |- ( p | q ) $=
    ( w-or or-r mp ) BABDCABEF $.
  $}

  $( What follows from both parts follows from the disjunction. $)
  or-e $p |- ( ( p -> r ) -> ( ( q -> r ) -> ( ( p | q ) -> r ) ) ) $=
    ( w-imp w-or w-not def-or-1 compose chain swap-i mp cases )
    BCDZABEZAFZCDZDZDZACDZMNCDZDZDNOBDZDZRABGMUCQMUBPDUCQDOBCHNU
    BPHIJKSRUASQTDZRUADSPCDUDACLNPCHIMQTHIJK $.

  ${
    or-e-i.1 $e |- ( p -> r ) $.
    or-e-i.2 $e |- ( q -> r ) $.
    $( What follows from both parts, as a rule. $)
    or-e-i $p |- ( ( p | q ) -> r ) $=
    ( w-imp w-or or-e mp ) BCFZABGCFZEACFJKFDABCHII $.
  $}

  $( The excluded middle. $)
  middle $p |- ( p | ~ p ) $=
    ( w-not w-imp w-or id def-or-2 mp ) ABZHCAHDHEAHFG $.

  $( The parts of a disjunction change places. $)
  or-swap $p |- ( ( p | q ) -> ( q | p ) ) $=
    ( w-or w-imp or-l or-r or-e mp ) BBACZDZABCIDZBAEAIDJKDBAFABIGHH $.

  $( Twice is once. $)
  or-once $p |- ( ( p | p ) -> p ) $=
    ( w-imp w-or id or-e mp ) AABZAACABZADZGGHBIAAAEFF $.

  $( Disjunction may be grouped to the right. $)
  or-assoc-1 $p |- ( ( ( p | q ) | r ) -> ( p | ( q | r ) ) ) $=
    ( w-or w-imp or-r chain or-l or-e mp )
    CABCDZDZEZABDZCDLEZCKLBCFAKFZGNLEZMOEBLEZQBKLBCHPGALERQEAKHA BLIJJNCLIJJ $.

  $( Disjunction may be grouped to the left. $)
  or-assoc-2 $p |- ( ( p | ( q | r ) ) -> ( ( p | q ) | r ) ) $=
    ( w-or w-imp or-r or-l chain or-e mp )
    BCDZABDZCDZEZAKDMEZCMEZNLCFBMEPNEBLMABFLCGZHBCMIJJAMENOEALMA BGQHAKMIJJ $.

  $( Implications between the parts of disjunctions. $)
  or-map $p |- ( ( p -> q ) -> ( ( r -> s ) -> ( ( p | r ) -> ( q | s ) ) ) ) $=
    ( w-imp w-or or-r compose mp or-l or-e chain swap-i )
    CDEZCBDFZEZEZABEZNACFOEZEZEDOEQBDGCDOHIRQTRPSEZQTERAOEZUABOE RUBEBDJABOHIACOKLNPSHLMI $.

  ${
    or-map-i.1 $e |- ( p -> q ) $.
    or-map-i.2 $e |- ( r -> s ) $.
    $( Implications between the parts of disjunctions, as a rule. $)
    or-map-i $p |- ( ( p | r ) -> ( q | s ) ) $=
    ( w-or w-imp or-r chain or-l or-e mp ) CBDGZHZACGNHZCDNFBDIJANHOPHABNEBDKJACNLMM $.
  $}

  $( If not the one, then the other. $)
  or-not-l $p |- ( ( p | q ) -> ( ~ p -> q ) ) $=
    ( def-or-1 ) ABC $.

  $( If not the other, then the one. $)
  or-not-r $p |- ( ( p | q ) -> ( ~ q -> p ) ) $=
    ( w-or w-not w-imp def-or-1 contra-flip chain ) ABCADBEBDAEABFABGH $.

  ${
    syllogism-or.1 $e |- ( p | q ) $.
    syllogism-or.2 $e |- ~ p $.
    $( Disjunctive syllogism. $)
    syllogism-or $p |- q $=
    ( w-not w-or w-imp def-or-1 mp ) AEZBDABFJBGCABHII $.
  $}

  $( Implication as a disjunction. $)
  imp-or $p |- ( ( p -> q ) -> ( ~ p | q ) ) $=
    ( w-imp w-not w-or dn-e compose swap-i mp def-or-2 chain ) ABCZADZDZBCZMBENACZLOCAFLPONABGHIMBJK
    $.

  $( A disjunction as an implication. $)
  or-imp $p |- ( ( ~ p | q ) -> ( p -> q ) ) $=
    ( w-imp w-not w-or ax-keep absurd or-e mp ) BABCZCZADZBEJCZBAFLJCKMCABGLBJHII $.

  $( Of two formulas, one implies the other; as a disjunction. $)
  or-either $p |- ( ( p -> q ) | ( q -> p ) ) $=
    ( w-imp w-not w-or linear def-or-2 mp ) ABCZDBACZCIJEABFIJGH $.

  $( Resolution. $)
  resolve $p |- ( ( ( p | q ) & ( ~ p | r ) ) -> ( q | r ) ) $=
    ( w-or w-not w-and and-l w-imp or-l and-r or-imp chain or-r compose mp or-e swap-i mp-d )
    ABDZAECDZFZSBCDZSTGBUBHZUASUBHZHBCIUAUCUDUAAUBHZUCUDHUAACHZU
    EUATUFSTJACKLCUBHUFUEHBCMACUBNOLABUBPLQOR $.

  $( The constructive dilemma. $)
  dilemma $p |- ( ( ( p -> r ) & ( q -> s ) ) -> ( ( p | q ) -> ( r | s ) ) ) $=
    ( w-imp w-and w-or and-r and-l or-map chain mp-d ) ACEZBDEZFZNABGCDGEZMNHOMNPEMNIACBDJKL $.

$( ----------------------------------------------------------------------
   Theorems: De Morgan, distribution, absorption
   ---------------------------------------------------------------------- $)

  $( Not both: one fails. $)
  morgan-1 $p |- ( ~ ( p & q ) -> ( ~ p | ~ q ) ) $=
    ( w-and w-not w-imp w-or dn-e and-i chain contrapose swap mp def-or-2 )
    ABCZDZADZDZBDZEZPRFQOREZEOSEQBNEZTQAUAAGABHIBNJIQORKLPRMI $.

  $( One fails: not both. $)
  morgan-2 $p |- ( ( ~ p | ~ q ) -> ~ ( p & q ) ) $=
    ( w-not w-and w-imp w-or and-r contrapose mp and-l or-e )
    BCZABDZCZEZACZLFNEZMBEOABGMBHIPNEZOQEMAERABJMAHIPLNKII $.

  $( Neither: both fail. $)
  morgan-3 $p |- ( ~ ( p | q ) -> ( ~ p & ~ q ) ) $=
    ( w-or w-not w-and w-imp or-r contrapose mp or-l and-i chain mp-d )
    ABCZDZBDZADZPEZBNFOPFABGBNHIOQPRFANFOQFABJANHIQPKLM $.

  $( Both fail: neither. $)
  morgan-4 $p |- ( ( ~ p & ~ q ) -> ~ ( p | q ) ) $=
    ( w-not w-and w-or w-imp and-r absurd chain and-l or-e mp-d neg-self )
    ACZBCZDZABEZQCZFZRPBRFZSPOTNOGBRHIPARFZTSFPNUANOJARHIABRKILQ MI $.

  $( Conjunction distributes over disjunction. $)
  and-or-1 $p |- ( ( p & ( q | r ) ) -> ( ( p & q ) | ( p & r ) ) ) $=
    ( w-or w-and and-r w-imp and-l and-i chain or-map mp-d )
    ABCDZEZMABEZACEZDZAMFNCPGZMQGZNARAMHZACIJNBOGZRSGNAUATABIJBO CPKJLL $.

  $( And back. $)
  and-or-2 $p |- ( ( ( p & q ) | ( p & r ) ) -> ( p & ( q | r ) ) ) $=
    ( w-and w-or w-imp and-r or-r chain and-l and-i mp-d or-l or-e mp )
    ACDZABCEZDZFZABDZPERFZPQRPCQACGBCHIPAQRFZACJAQKZILTRFSUAFTQR TBQABGBCMITAUBABJUCILTPRNOO $.

  $( Disjunction distributes over conjunction. $)
  or-and-1 $p |- ( ( p | ( q & r ) ) -> ( ( p | q ) & ( p | r ) ) ) $=
    ( w-and w-or w-imp and-r or-r chain and-l and-i mp-d or-l or-e mp )
    BCDZABEZACEZDZFZAPESFZPRSPCRBCGACHIPQRSFZPBQBCJABHIQRKZILASF TUAFARSACMAQUBABMUCILAPSNOO $.

  $( And back. $)
  or-and-2 $p |- ( ( ( p | q ) & ( p | r ) ) -> ( p | ( q & r ) ) ) $=
    ( w-or w-and w-not w-imp and-r def-or-1 chain and-l and-i compose mp ax-spread mp-d def-or-2 )
    ABDZACDZEZAFZBCEZGZAUBDTUACGZUCTSUDRSHACIJTUACUBGZGZUDUCGTUA
    BGZUFTRUGRSKABIJBUEGUGUFGBCLUABUEMNJUACUBOJPAUBQJ $.

  $( Absorption in a conjunction. $)
  absorb-and $p |- ( ( p & ( p | q ) ) -> p ) $=
    ( w-or and-l ) AABCD $.

  $( Absorption in a disjunction. $)
  absorb-or $p |- ( ( p | ( p & q ) ) -> p ) $=
    ( w-and w-imp w-or and-l id or-e mp ) ABCZADZAJEADZABFAADKLDAGAJAHII $.

$( ----------------------------------------------------------------------
   Theorems: equivalence
   ---------------------------------------------------------------------- $)

  $( Two implications are an equivalence. $)
  iff-i $p |- ( ( p -> q ) -> ( ( q -> p ) -> ( p <-> q ) ) ) $=
    ( w-imp w-and w-iff and-i def-iff-2 compose mp chain ) ABCZBACZKLDZCZLABEZCZKLFMOCNPCABGLMOHIJ
    $.

  $( An equivalence, from left to right. $)
  iff-l $p |- ( ( p <-> q ) -> ( p -> q ) ) $=
    ( w-iff w-imp w-and def-iff-1 and-l chain ) ABCABDZBADZEIABFIJGH $.

  $( An equivalence, from right to left. $)
  iff-r $p |- ( ( p <-> q ) -> ( q -> p ) ) $=
    ( w-iff w-imp w-and def-iff-1 and-r chain ) ABCABDZBADZEJABFIJGH $.

  ${
    iff-both.1 $e |- ( p -> q ) $.
    iff-both.2 $e |- ( q -> p ) $.
    $( Two implications are an equivalence, as a rule. $)
    iff-both $p |- ( p <-> q ) $=
    ( w-imp w-iff iff-i mp ) BAEZABFZDABEIJECABGHH $.
  $}

  ${
    iff-right.1 $e |- ( p <-> q ) $.
    $( From left to right, as a rule. $)
    iff-right $p |- ( p -> q ) $=
    ( w-iff w-imp iff-l mp ) ABDABECABFG $.
  $}

  ${
    iff-left.1 $e |- ( p <-> q ) $.
    $( From right to left, as a rule. $)
    iff-left $p |- ( q -> p ) $=
    ( w-iff w-imp iff-r mp ) ABDBAECABFG $.
  $}

  ${
    iff-mp.1 $e |- p $.
    iff-mp.2 $e |- ( p <-> q ) $.
    $( Modus ponens with an equivalence. $)
    iff-mp $p |- q $=
    ( w-iff w-imp iff-l mp ) ABCABEABFDABGHH $.
  $}

  ${
    iff-mp-rev.1 $e |- q $.
    iff-mp-rev.2 $e |- ( p <-> q ) $.
    $( Modus ponens with an equivalence, backwards. $)
    iff-mp-rev $p |- p $=
    ( w-iff w-imp iff-r mp ) BACABEBAFDABGHH $.
  $}

  $( Everything is equivalent to itself. $)
  iff-id $p |- ( p <-> p ) $=
    ( w-imp w-iff id iff-i mp ) AABZAACZADZGGHBIAAEFF $.

  $( Equivalence is symmetric. $)
  iff-swap $p |- ( ( p <-> q ) -> ( q <-> p ) ) $=
    ( w-iff w-imp iff-l iff-r iff-i chain mp-d ) ABCZABDZBACZABEJBADKLDABFBAGHI $.

  ${
    iff-swap-i.1 $e |- ( p <-> q ) $.
    $( Equivalence is symmetric, as a rule. $)
    iff-swap-i $p |- ( q <-> p ) $=
    ( w-iff iff-swap mp ) ABDBADCABEF $.
  $}

  $( Equivalence is transitive. $)
  iff-chain $p |- ( ( p <-> q ) -> ( ( q <-> r ) -> ( p <-> r ) ) ) $=
    ( w-iff w-imp iff-r compose chain swap-i mp iff-l swap iff-i ax-spread mp-d )
    ABDZBCDZCAEZEZQACDZEZQCBEZEZPSEBCFPUCSPUBREZUCSEPBAEUDABFCBA
    GHQUBRGHIJPQRTEZEZSUAEPQACEZEZUFPABEZUHABKQUIUGEZEUIUHEQBCEU
    JBCKABCGHQUIUGLJHUGUEEUHUFEACMQUGUEGJHQRTNHO $.

  ${
    iff-chain-i.1 $e |- ( p <-> q ) $.
    iff-chain-i.2 $e |- ( q <-> r ) $.
    $( Equivalence is transitive, as a rule. $)
    iff-chain-i $p |- ( p <-> r ) $=
    ( w-iff w-imp iff-chain mp ) BCFZACFZEABFJKGDABCHII $.
  $}

  $( Equivalence under negation. $)
  iff-not $p |- ( ( p <-> q ) -> ( ~ p <-> ~ q ) ) $=
    ( w-iff w-not w-imp iff-l contrapose chain iff-r iff-i mp-d )
    ABCZBDZADZEZNMCZLABEOABFABGHLNMEZOPELBAEQABIBAGHNMJHK $.

  ${
    iff-not-i.1 $e |- ( p <-> q ) $.
    $( Equivalence under negation, as a rule. $)
    iff-not-i $p |- ( ~ p <-> ~ q ) $=
    ( w-iff w-not iff-not mp ) ABDAEBEDCABFG $.
  $}

  $( Equivalence under implication. $)
  iff-imp $p |- ( ( p <-> q ) -> ( ( r <-> s ) -> ( ( p -> r ) <-> ( q -> s ) ) ) ) $=
    ( w-iff w-imp iff-l compose swap mp chain iff-r iff-i ax-spread mp-d )
    ABEZCDEZBDFZACFZFZFZQSREZFZPRADFZFZUAPABFZUEABGRUFUDFFUFUEFA
    BDHRUFUDIJKQUETFZFUEUAFQUDSFZUGQDCFUHCDLADCHKRUDSHKQUETIJKPQ
    TUBFZFZUAUCFPQSRFZFZUJPSBCFZFZULPBAFZUNABLSUOUMFFUOUNFBACHSU
    OUMIJKQUNUKFZFUNULFQUMRFZUPQCDFUQCDGBCDHKSUMRHKQUNUKIJKUKUIF ULUJFSRMQUKUIHJKQTUBNKO $.

  ${
    iff-imp-i.1 $e |- ( p <-> q ) $.
    iff-imp-i.2 $e |- ( r <-> s ) $.
    $( Equivalence under implication, as a rule. $)
    iff-imp-i $p |- ( ( p -> r ) <-> ( q -> s ) ) $=
    ( w-iff w-imp iff-imp mp ) CDGZACHBDHGZFABGKLHEABCDIJJ $.
  $}

  $( Equivalence under conjunction. $)
  iff-and $p |- ( ( p <-> q ) -> ( ( r <-> s ) -> ( ( p & r ) <-> ( q & s ) ) ) ) $=
    ( w-iff w-and w-imp iff-r and-map chain compose swap-i mp iff-l iff-i ax-spread mp-d )
    ABEZCDEZBDFZACFZGZGZSUATEZGZSDCGZGZRUCGCDHRUGUCRUFUBGZUGUCGR
    BAGUHABHBADCIJSUFUBKJLMRSUBUDGZGZUCUEGRSUATGZGZUJSCDGZGZRULG
    CDNRUNULRUMUKGZUNULGRABGUOABNABCDIJSUMUKKJLMUKUIGULUJGUATOSU KUIKMJSUBUDPJQ $.

  ${
    iff-and-i.1 $e |- ( p <-> q ) $.
    iff-and-i.2 $e |- ( r <-> s ) $.
    $( Equivalence under conjunction, as a rule. $)
    iff-and-i $p |- ( ( p & r ) <-> ( q & s ) ) $=
    ( w-iff w-and w-imp iff-and mp ) CDGZACHBDHGZFABGLMIEABCDJKK $.
  $}

  $( Equivalence under disjunction. $)
  iff-or $p |- ( ( p <-> q ) -> ( ( r <-> s ) -> ( ( p | r ) <-> ( q | s ) ) ) ) $=
    ( w-iff w-or w-imp iff-r or-map chain compose swap-i mp iff-l iff-i ax-spread mp-d )
    ABEZCDEZBDFZACFZGZGZSUATEZGZSDCGZGZRUCGCDHRUGUCRUFUBGZUGUCGR
    BAGUHABHBADCIJSUFUBKJLMRSUBUDGZGZUCUEGRSUATGZGZUJSCDGZGZRULG
    CDNRUNULRUMUKGZUNULGRABGUOABNABCDIJSUMUKKJLMUKUIGULUJGUATOSU KUIKMJSUBUDPJQ $.

  ${
    iff-or-i.1 $e |- ( p <-> q ) $.
    iff-or-i.2 $e |- ( r <-> s ) $.
    $( Equivalence under disjunction, as a rule. $)
    iff-or-i $p |- ( ( p | r ) <-> ( q | s ) ) $=
    ( w-iff w-or w-imp iff-or mp ) CDGZACHBDHGZFABGLMIEABCDJKK $.
  $}

  $( Equivalence under equivalence. $)
  iff-iff $p |- ( ( p <-> q ) -> ( ( r <-> s ) -> ( ( p <-> r ) <-> ( q <-> s ) ) ) ) $=
    ( w-iff w-imp iff-swap iff-chain swap mp chain compose swap-i iff-i ax-spread mp-d )
    ABEZCDEZBDEZACEZFZFZRTSEZFZRSBCEZFZFZQUBFRDCEZUFCDGSUHUEFFUH
    UFFBDCHSUHUEIJKQUGUBQUFUAFZUGUBFQUETFUIABCHSUETLKRUFUALKMJQR
    UAUCFZFZUBUDFQRTSFZFZUKRTADEZFZFZQUMFTRUNFFUPACDHTRUNIJQUPUM
    QUOULFZUPUMFQUNSFZUQQBAEURABGBADHKTUNSLKRUOULLKMJULUJFUMUKFT SNRULUJLJKRUAUCOKP $.

  $( Double negation. $)
  dn $p |- ( ~ ~ p <-> p ) $=
    ( w-not w-imp w-iff dn-i dn-e iff-i mp ) AABBZCZIADZAEIACJKCAFIAGHH $.

  $( An implication and its contraposition. $)
  contra $p |- ( ( p -> q ) <-> ( ~ q -> ~ p ) ) $=
    ( w-not w-imp w-iff ax-contra contrapose iff-i mp ) BCACDZABDZDZKJEZBAFKJDLMDABGKJHII $.

  $( Conjunction commutes. $)
  and-comm $p |- ( ( p & q ) <-> ( q & p ) ) $=
    ( w-and w-imp w-iff and-swap iff-i mp ) BACZABCZDZJIEZBAFJIDKLDABFJIGHH $.

  $( Disjunction commutes. $)
  or-comm $p |- ( ( p | q ) <-> ( q | p ) ) $=
    ( w-or w-imp w-iff or-swap iff-i mp ) BACZABCZDZJIEZBAFJIDKLDABFJIGHH $.

  $( Equivalence commutes. $)
  iff-comm $p |- ( ( p <-> q ) <-> ( q <-> p ) ) $=
    ( w-iff w-imp iff-swap iff-i mp ) BACZABCZDZIHCZBAEIHDJKDABEIHFGG $.

  $( Conjunction is associative. $)
  and-assoc $p |- ( ( ( p & q ) & r ) <-> ( p & ( q & r ) ) ) $=
    ( w-and w-imp w-iff and-assoc-2 and-assoc-1 iff-i mp ) ABCDDZABDCDZEZLKFZABCGLKEMNEABCHLKIJJ $.

  $( Disjunction is associative. $)
  or-assoc $p |- ( ( ( p | q ) | r ) <-> ( p | ( q | r ) ) ) $=
    ( w-or w-imp w-iff or-assoc-2 or-assoc-1 iff-i mp ) ABCDDZABDCDZEZLKFZABCGLKEMNEABCHLKIJJ $.

  $( Conjunction is idempotent. $)
  and-idem $p |- ( ( p & p ) <-> p ) $=
    ( w-and w-imp w-iff and-twice and-l iff-i mp ) AAABZCZIADZAEIACJKCAAFIAGHH $.

  $( Disjunction is idempotent. $)
  or-idem $p |- ( ( p | p ) <-> p ) $=
    ( w-or w-imp w-iff or-l or-once iff-i mp ) AAABZCZIADZAAEIACJKCAFIAGHH $.

  $( De Morgan for conjunction. $)
  morgan-and $p |- ( ~ ( p & q ) <-> ( ~ p | ~ q ) ) $=
    ( w-not w-or w-and w-imp w-iff morgan-2 morgan-1 iff-i mp ) ACBCDZABECZFZMLGZABHMLFNOFABIMLJKK
    $.

  $( De Morgan for disjunction. $)
  morgan-or $p |- ( ~ ( p | q ) <-> ( ~ p & ~ q ) ) $=
    ( w-not w-and w-or w-imp w-iff morgan-4 morgan-3 iff-i mp ) ACBCDZABECZFZMLGZABHMLFNOFABIMLJKK
    $.

  $( Conjunction distributes over disjunction. $)
  and-or $p |- ( ( p & ( q | r ) ) <-> ( ( p & q ) | ( p & r ) ) ) $=
    ( w-and w-or w-imp w-iff and-or-2 and-or-1 iff-i mp ) ABDACDEZABCEDZFZMLGZABCHMLFNOFABCIMLJKK $.

  $( Disjunction distributes over conjunction. $)
  or-and $p |- ( ( p | ( q & r ) ) <-> ( ( p | q ) & ( p | r ) ) ) $=
    ( w-or w-and w-imp w-iff or-and-2 or-and-1 iff-i mp ) ABDACDEZABCEDZFZMLGZABCHMLFNOFABCIMLJKK $.

  $( Implication and disjunction. $)
  imp-is-or $p |- ( ( p -> q ) <-> ( ~ p | q ) ) $=
    ( w-not w-or w-imp w-iff or-imp imp-or iff-i mp ) ACBDZABEZEZLKFZABGLKEMNEABHLKIJJ $.

  $( A false implication. $)
  not-imp $p |- ( ~ ( p -> q ) <-> ( p & ~ q ) ) $=
    ( w-not w-and w-imp w-iff and-not-imp not-imp-and iff-i mp ) ABCDZABECZEZLKFZABGLKEMNEABHLKIJJ
    $.

  $( Importation and exportation. $)
  curry $p |- ( ( ( p & q ) -> r ) <-> ( p -> ( q -> r ) ) ) $=
    ( w-imp w-and w-iff import export iff-i mp ) ABCDDZABECDZDZLKFZABCGLKDMNDABCHLKIJJ $.

  $( Assumptions commute. $)
  swap-iff $p |- ( ( p -> ( q -> r ) ) <-> ( q -> ( p -> r ) ) ) $=
    ( w-imp w-iff swap iff-i mp ) BACDDZABCDDZDZJIEZBACFJIDKLDABCFJIGHH $.

  $( Implication distributes over conjunction. $)
  imp-and-iff $p |- ( ( p -> ( q & r ) ) <-> ( ( p -> q ) & ( p -> r ) ) ) $=
    ( w-imp w-and w-iff imp-and imp-and-rev iff-i mp ) ABDACDEZABCEDZDZLKFZABCGLKDMNDABCHLKIJJ $.

  $( Cases. $)
  or-imp-iff $p |- ( ( ( p | q ) -> r ) <-> ( ( p -> r ) & ( q -> r ) ) ) $=
    ( w-imp w-and w-or w-iff and-r and-l or-e chain mp-d or-r compose swap-i mp or-l and-i iff-i )
    ACDZBCDZEZABFZCDZDZUDUBGZUBUAUDTUAHUBTUAUDDTUAIABCJKLUDUBDUE
    UFDUDUAUBBUCDZUDUADABMUDUGUABUCCNOPUDTUAUBDAUCDZUDTDABQUDUHT AUCCNOPTUARKLUDUBSPP $.

  $( Equivalence of negations. $)
  iff-neg $p |- ( ( p <-> q ) <-> ( ~ p <-> ~ q ) ) $=
    ( w-not w-iff w-imp iff-l ax-contra chain iff-r iff-i mp-d iff-not mp )
    ACZBCZDZABDZEZQPDZPBAEZQPNOETNOFABGHPABEZTQEPONEUANOIBAGHABJ HKQPERSEABLQPJMM $.

$( ----------------------------------------------------------------------
   Theorems: truth, falsehood, exclusive disjunction
   ---------------------------------------------------------------------- $)

  $( Truth holds. $)
  true $p |- T $=
    ( v-p w-imp w-true id def-true-2 mp ) AABCADAEF $.

  $( Falsehood does not. $)
  not-false $p |- ~ F $=
    ( w-true w-false w-not true w-imp def-false-1 contra-swap mp ) AZBZCZDJICEIKEFJIGHH $.

  $( From falsehood, anything. $)
  false-e $p |- ( F -> p ) $=
    ( w-false w-not w-imp not-false absurd mp ) BZCHADEHAFG $.

  $( Truth follows from anything. $)
  imp-true $p |- ( p -> T ) $=
    ( w-true w-imp true ax-keep mp ) BZAGCDGAEF $.

  $( Truth in a conjunction. $)
  and-true $p |- ( ( p & T ) <-> p ) $=
    ( w-true w-and w-imp w-iff true and-i swap-i mp and-l iff-i )
    AABZCZDZMAEZLNFALMALGHIMADNODALJMAKII $.

  $( Falsehood in a disjunction. $)
  or-false $p |- ( ( p | F ) <-> p ) $=
    ( w-false w-or w-imp w-iff or-l false-e id or-e mp iff-i )
    AABZCZDZMAEZALFMADZNODLADZPAGAADQPDAHALAIJJMAKJJ $.

  $( Falsehood spoils a conjunction. $)
  and-false $p |- ( ( p & F ) <-> F ) $=
    ( w-false w-and w-imp w-iff false-e and-r iff-i mp ) BZAJCZDZKJEZKFKJDLMDAJGKJHII $.

  $( Truth decides a disjunction. $)
  or-true $p |- ( ( p | T ) <-> T ) $=
    ( w-true w-or w-imp w-iff or-r imp-true iff-i mp ) BZAJCZDZKJEZAJFKJDLMDKGKJHII $.

  $( Truth as an assumption. $)
  true-imp $p |- ( ( T -> p ) <-> p ) $=
    ( w-true w-imp w-iff ax-keep true id swap-i mp iff-i ) ABZACZCZLADZAKELACZMNCKOFLKALGHILAJII $.

  $( Negation as an implication. $)
  imp-false $p |- ( ( p -> F ) <-> ~ p ) $=
    ( w-not w-false w-imp w-iff absurd not-false contrapose swap-i mp iff-i )
    ABZACZDZDZNLEZAMFNLDZOPDMBZQGNRLAMHIJNLKJJ $.

  ${
    iff-true.1 $e |- p $.
    $( A theorem is equivalent to truth. $)
    iff-true $p |- ( p <-> T ) $=
    ( w-true w-imp w-iff ax-keep mp imp-true iff-i ) CZADZAJEZAKBAJFGAJDKLDAHAJIGG $.
  $}

  ${
    iff-false.1 $e |- ~ p $.
    $( What is refuted is equivalent to falsehood. $)
    iff-false $p |- ( p <-> F ) $=
    ( w-false w-imp w-iff false-e w-not absurd mp iff-i ) CZADZAKEZAFAKDZLMDAGNBAKHIAKJII $.
  $}

  $( One of the two. $)
  xor-l $p |- ( ( p ^ q ) -> ( p | q ) ) $=
    ( w-xor w-not w-imp w-or w-iff absurd iff-i chain compose swap-i mp def-xor-1 clavius def-or-2 )
    ABCZADZBEZABFQRBDZBEZEZSRTABGZEZEZQUBETBAEZEZUEBAHRUGUDRUFUC
    EZUGUDERABEUHABHABIJTUFUCKJLMQUEUBQUDUAEZUEUBEQUCBEZUIQUCDUJ
    ABNUCBHJTUCBKJRUDUAKJLMUABEUBSEBORUABKMJABPJ $.

  $( Not both. $)
  xor-r $p |- ( ( p ^ q ) -> ~ ( p & q ) ) $=
    ( w-xor w-iff w-not w-and def-xor-1 w-imp and-l ax-keep chain and-r iff-i mp-d contrapose mp )
    ABCABDZEZABFZEZABGSQHRTHSBAHZQSAUAABIABJKSABHZUAQHSBUBABLBAJ KABMKNSQOPK $.

  $( One, not both. $)
  xor-i $p |- ( ( p | q ) -> ( ~ ( p & q ) -> ( p ^ q ) ) ) $=
    ( w-or w-and w-not w-iff w-imp w-xor id iff-r and-i compose mp chain ax-spread swap-i iff-l or-e
    mp-d swap contrapose def-xor-2 ) ABCZABDZEZABFZEZGZUEABHZGZUCUFUDGZUHUFUCUDGZGUCUKGUFBUDGZULB
    BGZUFUMGBIUFUNUMUFBUMGZUNUMGUFBAGZUOABJAUMGZUPUOGABKZBAUMLMN
    BBUDONPMUFAUDGZUMULGUFABGZUSABQUQUTUSGURABUDOMNABUDRNSUFUCUD TMUFUDUANUGUIGUHUJGABUBUEUGUILMN $.

  $( Exclusive disjunction is symmetric. $)
  xor-swap $p |- ( ( p ^ q ) -> ( q ^ p ) ) $=
    ( w-xor w-iff w-not def-xor-1 w-imp iff-swap contrapose mp chain def-xor-2 )
    ABCZBADZEZBACMABDZEZOABFNPGQOGBAHNPIJKBALK $.

  $( Nothing differs from itself. $)
  xor-self $p |- ~ ( p ^ p ) $=
    ( w-xor w-not w-imp w-iff iff-id def-xor-1 absurd chain swap-i mp neg-self )
    AABZMCZDZNAAEZOAFMPNMPCPNDAAGPNHIJKMLK $.

  $( Everything differs from its negation. $)
  xor-not $p |- ( p ^ ~ p ) $=
    ( w-not w-and w-xor no-contradiction w-or w-imp middle xor-i mp ) AABZCBZAKDZAEAKFLMGAHAKIJJ $.


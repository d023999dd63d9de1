"""Words: what people, streets, places and businesses are commonly called, for columns to be recognised by.

Belongs here: lists of common words, of Britain and the United States. Does not belong here: how they are used
(recognise.py).
"""

from __future__ import annotations

GIVEN_NAMES = frozenset(
    """aaron abdul abigail adam adrian ahmed aisha alan albert alex alexander alexandra alfie alfred ali alice alison
    amanda amelia amina amy andrea andrew angela anita ann anna anne annie anthony antonio archie arthur asha ashley
    barbara ben benjamin bernard beth betty beverley bill billy brandon brenda brian bruce callum cameron carl carlos
    carol caroline catherine charles charlie charlotte cheryl chloe chris christina christine christopher claire clare
    claudia colin connor craig cynthia daisy daniel danielle darren david dawn dean deborah denise dennis derek diana
    diane donald donna doris dorothy douglas duncan dylan edith edward eileen elaine eleanor elizabeth ella ellen ellie
    emily emma eric ernest ethan eva evelyn evie faith farah fatima fiona florence frances francis frank fred frederick
    freya gareth gary gavin gemma geoffrey george georgia gerald gillian gladys glenn gloria gordon grace graham
    gregory hannah harold harriet harry hassan hazel heather helen henry holly howard hugh ian ibrahim imran irene isaac
    isabel isabella isla ivy jack jackie jacob jacqueline jade jake james jamie jane janet janice jasmine jason jayden
    jean jeffrey jennifer jeremy jessica jill jim joan joanna joanne joe john jonathan jordan jose joseph josephine
    josh joshua joyce juan judith judy julia julian julie june karen kate katherine kathleen katie kayla keith kelly
    ken kenneth kerry kevin kim kimberly kirsty kyle lara laura lauren lawrence leah lee leo leon leonard lesley leslie
    lewis liam lily linda lisa liz logan lorraine louis louise lucas lucy luis luke lydia lynn lynne madison maisie
    malcolm marcus margaret maria marie marilyn marion marjorie mark martha martin mary mason matilda matthew maureen
    max megan melissa mia michael michelle miguel mike millie mohamed mohammad mohammed molly monica muhammad nancy
    naomi natalie natasha nathan neil nicholas nicola nicole nigel noah norma norman oliver olivia omar oscar owen
    pamela patricia patrick paul paula pauline peggy penelope peter philip phillip phoebe phyllis poppy priya rachel
    ralph raymond rebecca reece rhys ricardo richard rita robert roberta robin roger ronald rosa rose rosemary rosie
    ross roy ruby russell ruth ryan sally sam samantha samuel sandra sara sarah sean sebastian shane sharon shaun sheila
    shirley sian simon sofia sonia sophia sophie stanley stella stephanie stephen steve steven stuart sue susan suzanne
    sylvia tanya tara ted teresa terence terry thelma theo theodore theresa thomas tim timothy tina toby todd tom tony
    tracey tracy tyler valerie vanessa vera veronica victor victoria vincent violet virginia walter wanda wayne wendy
    wilfred william winifred yasmin yusuf yvonne zachary zainab zara zoe mitchell campbell brayden lachlan""".split()
)
FAMILY_NAMES = frozenset(
    """adams ahmed akhtar ali allen anderson andrews armstrong bailey baker ball barker barnes bell bennett berry
    bishop black bradley brooks brown bryant burke burns burton butler campbell carr carter chapman clark clarke cole
    coleman collins cook cooper cox cruz cunningham daniels davidson davies davis dawson day dean diaz dixon douglas
    doyle edwards elliott ellis evans ferguson fernandez fisher fletcher ford foster fox francis fraser garcia gardner
    gibson gill gomez gonzalez gordon graham grant gray green greene griffin griffiths hall hamilton harper harris
    harrison hart harvey hawkins hayes henderson henry hernandez hill holland holmes howard hudson hughes hunt hunter
    hussain jackson jacobs james jenkins john johnson johnston jones jordan kaur kelly kennedy khan king knight kumar
    lane lawrence lawson lee lewis lloyd lopez macdonald marshall martin martinez mason matthews mcdonald miller mills
    mitchell moore morales morgan morris morrison murphy murray myers nelson newman nguyen nicholls o'brien oliver
    ortiz owen palmer park parker patel pearce pearson perez perkins perry peters phillips porter powell price ramirez
    ramos reed reid reyes reynolds rice richards richardson rivera roberts robertson robinson rodriguez rogers rose
    ross russell ryan sanchez sanders saunders scott shah sharma shaw simmons simpson singh smith spencer stephens
    stevens stewart stone sullivan taylor thomas thompson thomson torres tucker turner wagner walker wallace walsh ward
    warren washington watkins watson watts webb wells west white wilkinson williams williamson willis wilson wood woods
    wright young""".split()
)
TITLES = frozenset(
    "mr mrs ms miss mx dr prof rev sir lady lord dame cllr mr. mrs. ms. dr. rev. prof.".split()
)
STREETS = frozenset(
    """road rd street st avenue ave lane ln close cl drive dr way court ct crescent cres place pl terrace ter tce grove
    gardens gdns square sq hill row walk mews park parade pde view rise mount green gate yard wharf quay boulevard blvd
    highway hwy parkway pkwy circuit cct broadway buildings estate fold approach croft end passage vale villas""".split()
)
SITES = frozenset(
    """flat unit apartment apt floor house building bldg suite ste lodge cottage farm centre center industrial mill
    arcade precinct market""".split()
)
BUSINESSES = frozenset(
    """ltd limited plc llp llc inc incorporated corp corporation co company cic cio lp gmbh group holdings services
    trading partnership associates solutions systems trust council church school academy college university hospital
    surgery pharmacy chemist clinic nursery club society association foundation federation bank insurance stores store
    supermarket shop shops market mart food foods bakery bakers butchers cafe café coffee tea restaurant grill kitchen
    pizza pizzeria kebab tandoori takeaway chippy fisheries fish chips bistro bar pub inn arms tavern hotel deli diner
    catering sandwich noodle sushi chicken burger salon barbers hair beauty nails tattoo garage motors tyres autos
    cars taxis transport logistics haulage builders building construction properties property estates developments
    investments management consulting consultants solicitors accountants dental veterinary vets fitness gym tesco asda
    subway mcdonald's mcdonalds starbucks costa greggs dunkin walgreens lidl aldi laundry cleaners centre center
    enterprises engineering electrical plumbing plumbers recruitment agency communications technology care home homes
    housing leisure products supplies retail lounge buffet cuisine eatery caterers confectionery newsagents""".split()
)
PLACES = frozenset(
    """aberdeen aberystwyth bath barnsley basildon basingstoke bedford belfast birkenhead birmingham blackburn blackpool
    bolton boston bournemouth bracknell bradford brighouse brighton bristol burnley bury cambridge canterbury cardiff
    carlisle castleford chelmsford cheltenham chester chesterfield colchester coventry crawley croydon darlington derby
    doncaster dover dudley dundee durham eastbourne edinburgh elland enfield exeter gateshead glasgow gloucester
    grimsby guildford halifax harrogate harrow hartlepool hastings hebden hereford hove huddersfield hull ilkley
    inverness ipswich keighley kendal kettering lancaster leeds leicester lincoln liverpool llandudno london luton
    maidstone manchester mansfield middlesbrough morley newcastle newport newquay northampton norwich nottingham oldham
    ossett otley oxford paisley peterborough plymouth pontefract poole portsmouth preston pudsey reading redditch
    rochdale rotherham salford salisbury scarborough scunthorpe sheffield shipley shrewsbury slough solihull
    southampton southend southport stafford stevenage stockport stoke sunderland swansea swindon taunton telford
    todmorden torquay truro wakefield walsall warrington watford weymouth whitby wigan winchester windsor wolverhampton
    worcester worthing wrexham yeovil york albany albuquerque anaheim arlington atlanta aurora austin baltimore brooklyn
    bronx buffalo charlotte chicago cicero cincinnati cleveland columbus dallas denver detroit evanston fresno hartford
    honolulu houston indianapolis jacksonville lansing louisville madison memphis mesa miami milwaukee minneapolis
    nashville newark oakland omaha orlando philadelphia phoenix pittsburgh portland queens raleigh richmond sacramento
    seattle tacoma tampa toledo tucson tulsa wichita""".split()
)

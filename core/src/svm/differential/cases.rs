//! Transactions for the comparison: honest ones in all variants, and others that are nearly honest.

use proptest::prelude::*;

/// One deviation from a plain honest payment. Some deviations are allowed.
#[derive(Clone, Debug)]
pub(super) enum Twist {
    None,
    /// Other compute units and another price per unit.
    Budget(u32, u64),
    /// Another amount, higher or lower.
    Amount(u64),
    Decimals(u8),
    /// An instruction moves to another position.
    Move(usize, usize),
    /// An instruction appears twice.
    Again(usize),
    Drop(usize),
    /// The first instruction advances a durable nonce, so that the transaction would never expire.
    DurableNonce,
    /// A stranger signs too, or has to sign and does not.
    OneMoreSigner(bool),
    /// An instruction gets one more account.
    OneMoreAccount(usize, Who),
    /// An account of the transfer is replaced.
    Account(usize, Who),
    /// An instruction's data gets more bytes.
    Data(usize, Vec<u8>),
    Cut(usize, usize),
    /// An instruction calls another program.
    Program(usize, Who),
    FeePayer(Who),
    /// The payer signs as the delegate of another owner's account.
    Delegate,
    /// An account is listed again at the end, and an instruction's index points to it.
    Listed(usize),
    /// The last account comes from a lookup table.
    Table(Vec<u8>, Vec<u8>),
    /// The header counts other accounts as signers or read-only.
    Header(u8, u8, u8),
    /// The payer's signature covers something else.
    Signature(u8),
    /// The merchant pays itself.
    Merchant,
    /// The message has version 1.
    Version1,
    /// An account is listed that no instruction uses.
    Unused(Who),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Who {
    FeePayer,
    Payer,
    Source,
    Merchant,
    Destination,
    Mint,
    Stranger,
    Token,
    Token2022,
    Memo,
    Lighthouse,
    Budget,
    System,
}

/// One thing that a guard says.
#[derive(Clone, Debug)]
pub(super) enum Saying {
    Bytes(Vec<u8>),
    /// The owner is the program of the tokens, by its address.
    OwnProgram,
    /// The owner is the program of the tokens, by Lighthouse's number for it.
    OwnKnownProgram,
}

/// What is wrong with a guard's bytes.
#[derive(Clone, Debug)]
pub(super) enum Flaw {
    None,
    Kind(u8),
    Level(u8),
    /// A count that differs from the number of sayings.
    Count(u8),
    /// A count with one group of seven bits too many.
    LongCount,
    Trailing(u8),
    Cut(usize),
    Flip(usize, u8),
    /// The guard names no account.
    NoAccount,
    OneMoreAccount(Who),
}

/// The plan of a guard.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    /// The guard's position after the compute budget.
    pub(super) at: usize,
    pub(super) of: Who,
    /// Whether it concerns the fields of a token account, instead of what every account has.
    pub(super) of_token: bool,
    pub(super) level: u8,
    pub(super) sayings: Vec<Saying>,
    pub(super) flaw: Flaw,
}

/// The plan of a transaction.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) versioned: bool,
    pub(super) token_2022: bool,
    /// How many memos follow the transfer.
    pub(super) memos: usize,
    pub(super) memo_wanted: bool,
    pub(super) guards: Vec<Guard>,
    pub(super) twists: Vec<Twist>,
    /// Changes of the message's bytes, which the payer then signs.
    pub(super) edits: Vec<Edit>,
    /// Later changes of the whole transaction's bytes.
    pub(super) scars: Vec<Edit>,
}

#[derive(Clone, Debug)]
pub(super) enum Edit {
    Flip(usize, u8),
    Insert(usize, u8),
    Delete(usize),
    /// Some bytes are inserted a second time elsewhere.
    Splice(usize, usize, usize),
    /// A length, which may be any byte, is spelt longer than needed.
    Lengthen(usize),
    Append(Vec<u8>),
}

fn who() -> impl Strategy<Value = Who> {
    use Who::*;
    proptest::sample::select(vec![
        FeePayer,
        Payer,
        Source,
        Merchant,
        Destination,
        Mint,
        Stranger,
        Token,
        Token2022,
        Memo,
        Lighthouse,
        Budget,
        System,
    ])
}

/// Returns a saying about an account: mostly allowed ones, and some that are nearly allowed.
fn saying(of: Who, of_token: bool) -> BoxedStrategy<Saying> {
    let wallet = matches!(of, Who::FeePayer | Who::Payer);
    let bytes = |bytes: Vec<u8>| Just(Saying::Bytes(bytes)).boxed();
    let number = |number: u8, operators: &'static [u8]| {
        let value = prop_oneof![Just(0), Just(165), Just(u64::MAX), any::<u64>()];
        (value, proptest::sample::select(operators))
            .prop_map(move |(value, operator)| {
                Saying::Bytes([vec![number], value.to_le_bytes().to_vec(), vec![operator]].concat())
            })
            .boxed()
    };
    let hash = |start: u8, length: Vec<u8>| {
        let data = [vec![8], vec![7; 32], vec![start], length].concat();
        Just(Saying::Bytes(data)).boxed()
    };
    let (allowed, all) = match (wallet, of_token) {
        (true, _) => (
            vec![
                bytes([vec![2], vec![0; 33]].concat()),
                bytes(vec![3, 0, 0]),
                bytes([vec![1], vec![0; 9]].concat()),
                number(0, &[2, 4]),
            ],
            vec![bytes(vec![3, 1, 0]), bytes(vec![3, 0, 1]), number(0, &[0, 3]), number(1, &[0])],
        ),
        (false, false) => (
            vec![
                Just(Saying::OwnProgram).boxed(),
                Just(Saying::OwnKnownProgram).boxed(),
                number(1, &[0]),
                if matches!(of, Who::Source) { hash(0, vec![0xa5, 1]) } else { number(1, &[0]) },
            ],
            vec![
                hash(0, vec![0xa5, 1]),
                hash(0, vec![0xa6, 1]),
                hash(0, vec![0xa4, 1]),
                hash(0, vec![0xa5, 0x81, 0]),
                hash(1, vec![0xa5, 1]),
                bytes(vec![3, 1, 0]),
                number(0, &[4]),
            ],
        ),
        (false, true) => (
            vec![
                bytes(vec![8]),
                bytes(vec![3, 0, 0]),
                bytes([vec![7, 1], vec![9; 32], vec![0]].concat()),
                bytes(vec![4, 1, 0]),
                bytes([vec![1], vec![9; 32], vec![0]].concat()),
                bytes([vec![0], vec![9; 32], vec![0]].concat()),
                number(6, &[0, 5]),
                if matches!(of, Who::Source) { number(2, &[2, 4]) } else { bytes(vec![8]) },
            ],
            vec![
                number(2, &[2, 4]),
                number(2, &[0, 5]),
                number(6, &[2, 4]),
                bytes(vec![5, 0, 0]),
                bytes(vec![3, 0, 1]),
                bytes(vec![4, 1, 4]),
                bytes(vec![7, 2, 0]),
            ],
        ),
    };
    let any_of = |all: Vec<BoxedStrategy<Saying>>| proptest::strategy::Union::new(all);
    prop_oneof![40 => any_of(allowed), 1 => any_of(all)].boxed()
}

fn flaw() -> impl Strategy<Value = Flaw> {
    prop_oneof![
        70 => Just(Flaw::None),
        1 => (0u8..19).prop_map(Flaw::Kind),
        1 => prop_oneof![Just(3u8), Just(6), Just(7), any::<u8>()].prop_map(Flaw::Level),
        1 => (0u8..5).prop_map(Flaw::Count),
        1 => Just(Flaw::LongCount),
        1 => any::<u8>().prop_map(Flaw::Trailing),
        1 => (1usize..12).prop_map(Flaw::Cut),
        1 => (0usize..60, any::<u8>()).prop_map(|(at, mask)| Flaw::Flip(at, mask)),
        1 => Just(Flaw::NoAccount),
        1 => who().prop_map(Flaw::OneMoreAccount),
    ]
}

fn guard() -> impl Strategy<Value = Guard> {
    let parties = proptest::sample::select(vec![Who::FeePayer, Who::Payer, Who::Source, Who::Destination]);
    let of = prop_oneof![40 => parties, 1 => who()];
    (of, any::<bool>())
        .prop_flat_map(|(of, of_token)| {
            // Wallets have no fields of a token account.
            let of_token = of_token && !matches!(of, Who::FeePayer | Who::Payer);
            let level = proptest::sample::select(vec![0u8, 1, 2, 4, 4, 4, 5]);
            let sayings = proptest::collection::vec(saying(of, of_token), 1..4);
            (0usize..8, Just((of, of_token)), level, sayings, flaw())
        })
        .prop_map(|(at, (of, of_token), level, sayings, flaw)| Guard {
            at,
            of,
            of_token,
            level,
            sayings,
            flaw,
        })
}

/// Returns no guards, some, or about as many as are allowed.
fn guards() -> impl Strategy<Value = Vec<Guard>> {
    let small = (0usize..8).prop_map(|at| Guard {
        at,
        of: Who::Source,
        of_token: true,
        level: 4,
        sayings: vec![Saying::Bytes(vec![8])],
        flaw: Flaw::None,
    });
    prop_oneof![
        8 => Just(Vec::new()),
        8 => proptest::collection::vec(guard(), 1..5),
        1 => proptest::collection::vec(small, 9..13),
    ]
}

fn twist() -> impl Strategy<Value = Twist> {
    let units =
        prop_oneof![3 => Just(20_000), 3 => 399_999u32..=400_001, 1 => Just(u32::MAX), 1 => any::<u32>()];
    // The fee may be 19,000 lamports. That is a price of 450,000 with 20,000 units, or 22,500 with 400,000.
    let price = prop_oneof![
        Just(1),
        449_999u64..=450_001,
        22_499u64..=22_501,
        4_999_999u64..=5_000_001,
        Just(u64::MAX),
        Just(u64::MAX / 200_000 + 1),
        any::<u64>()
    ];
    let bytes = || proptest::collection::vec(any::<u8>(), 0..3);
    // Slightly too much, or more than the network carries.
    let more = || {
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 1..4),
            (700usize..900).prop_map(|count| vec![b'q'; count])
        ]
    };
    prop_oneof![
        3 => Just(Twist::None),
        6 => (units, price).prop_map(|(units, price)| Twist::Budget(units, price)),
        1 => prop_oneof![Just(0), 9_999u64..=10_001, any::<u64>()].prop_map(Twist::Amount),
        1 => (5u8..8).prop_map(Twist::Decimals),
        2 => (0usize..8, 0usize..8).prop_map(|(from, to)| Twist::Move(from, to)),
        1 => (0usize..8).prop_map(Twist::Again),
        1 => (0usize..8).prop_map(Twist::Drop),
        1 => Just(Twist::DurableNonce),
        2 => any::<bool>().prop_map(Twist::OneMoreSigner),
        3 => (0usize..8, who()).prop_map(|(at, who)| Twist::OneMoreAccount(at, who)),
        3 => (0usize..4, who()).prop_map(|(at, who)| Twist::Account(at, who)),
        2 => (0usize..8, more()).prop_map(|(at, more)| Twist::Data(at, more)),
        1 => (0usize..8, 1usize..4).prop_map(|(at, less)| Twist::Cut(at, less)),
        1 => (0usize..8, who()).prop_map(|(at, who)| Twist::Program(at, who)),
        1 => who().prop_map(Twist::FeePayer),
        2 => Just(Twist::Delegate),
        2 => (0usize..10).prop_map(Twist::Listed),
        2 => (bytes(), bytes()).prop_map(|(a, b)| Twist::Table(a, b)),
        2 => (0u8..4, 0u8..4, 0u8..10).prop_map(|(a, b, c)| Twist::Header(a, b, c)),
        1 => any::<u8>().prop_map(Twist::Signature),
        1 => Just(Twist::Merchant),
        1 => Just(Twist::Version1),
        2 => who().prop_map(Twist::Unused),
    ]
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = 0usize..600;
    prop_oneof![
        4 => (at.clone(), any::<u8>()).prop_map(|(at, mask)| Edit::Flip(at, mask)),
        // The first bytes count signatures, signers and accounts.
        2 => (0usize..5, 0u8..4).prop_map(|(at, mask)| Edit::Flip(at, mask)),
        1 => (at.clone(), any::<u8>()).prop_map(|(at, byte)| Edit::Insert(at, byte)),
        1 => at.clone().prop_map(Edit::Delete),
        1 => (at.clone(), 0usize..80, at.clone()).prop_map(|(from, count, to)| Edit::Splice(from, count, to)),
        3 => at.prop_map(Edit::Lengthen),
        1 => proptest::collection::vec(any::<u8>(), 1..4).prop_map(Edit::Append),
    ]
}

/// Returns cases that are mostly honest in all but one or two things.
pub(super) fn cases() -> impl Strategy<Value = Case> {
    let edits = || {
        prop_oneof![
            6 => Just(Vec::new()),
            1 => proptest::collection::vec(edit(), 1..4),
        ]
    };
    let memos = prop_oneof![6 => Just(1usize), 4 => Just(0), 1 => Just(2)];
    (
        any::<bool>(),
        any::<bool>(),
        memos,
        any::<bool>(),
        guards(),
        proptest::collection::vec(twist(), 0..3),
        (edits(), edits()),
    )
        .prop_map(|(versioned, token_2022, memos, memo_wanted, guards, twists, (edits, scars))| Case {
            versioned,
            token_2022,
            memos,
            // A payment without a memo mostly did not need one.
            memo_wanted: memo_wanted && (memos > 0 || twists.is_empty()),
            guards,
            twists,
            edits,
            scars,
        })
}

//! Transactions for the comparison: honest ones with every knob, and what is almost one.

use proptest::prelude::*;

/// One thing that is not as it should be, or need not be as it is.
#[derive(Clone, Debug)]
pub(super) enum Twist {
    None,
    /// Compute units and their price.
    Budget(u32, u64),
    /// Another amount, more or less.
    Amount(u64),
    Decimals(u8),
    /// An instruction moves to another place.
    Move(usize, usize),
    /// An instruction comes twice.
    Again(usize),
    Drop(usize),
    /// The first instruction advances a durable nonce: the transaction would live for ever.
    DurableNonce,
    /// Somebody else signs too (or has to and does not).
    OneMoreSigner(bool),
    /// A list of accounts gets one more: whose, and in which instruction.
    OneMoreAccount(usize, Who),
    /// An account of the transfer is another.
    Account(usize, Who),
    /// More or fewer bytes behind an instruction's data.
    Data(usize, Vec<u8>),
    Cut(usize, usize),
    /// An instruction calls another program.
    Program(usize, Who),
    FeePayer(Who),
    /// The payer signs for the account of somebody who made it a delegate.
    Delegate,
    /// An account is listed again at the end, and an instruction's index points there.
    Listed(usize),
    /// The last account comes from a table.
    Table(Vec<u8>, Vec<u8>),
    /// The header counts other accounts as signers or read-only.
    Header(u8, u8, u8),
    /// The payer's signature is over something else.
    Signature(u8),
    /// The merchant pays itself.
    Merchant,
    /// As a message of version 1.
    Version1,
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
}

/// A transaction to be made.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) versioned: bool,
    pub(super) token_2022: bool,
    /// Behind the transfer: memos (`true`) and assertions.
    pub(super) optional: Vec<bool>,
    pub(super) memo_wanted: bool,
    pub(super) twists: Vec<Twist>,
    /// Changes of the message's bytes; the payer signs what comes out.
    pub(super) edits: Vec<Edit>,
    /// Changes of the whole transaction's bytes afterwards.
    pub(super) scars: Vec<Edit>,
}

#[derive(Clone, Debug)]
pub(super) enum Edit {
    Flip(usize, u8),
    Insert(usize, u8),
    Delete(usize),
    /// Some bytes are put a second time elsewhere.
    Splice(usize, usize, usize),
    /// A length (which may be any byte) is spelt longer than needed.
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
    ])
}

fn twist() -> impl Strategy<Value = Twist> {
    let units = prop_oneof![Just(20_000), 199_999u32..=200_001, Just(u32::MAX), any::<u32>()];
    let price = prop_oneof![
        Just(1),
        49_999u64..=50_001,
        4_999_999u64..=5_000_001,
        Just(u64::MAX),
        Just(u64::MAX / 200_000 + 1),
        any::<u64>()
    ];
    let bytes = || proptest::collection::vec(any::<u8>(), 0..3);
    // A little too much, or more than the network carries.
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
        2 => (0usize..6, 0usize..6).prop_map(|(from, to)| Twist::Move(from, to)),
        1 => (0usize..6).prop_map(Twist::Again),
        1 => (0usize..6).prop_map(Twist::Drop),
        1 => Just(Twist::DurableNonce),
        2 => any::<bool>().prop_map(Twist::OneMoreSigner),
        3 => (0usize..6, who()).prop_map(|(at, who)| Twist::OneMoreAccount(at, who)),
        3 => (0usize..4, who()).prop_map(|(at, who)| Twist::Account(at, who)),
        2 => (0usize..6, more()).prop_map(|(at, more)| Twist::Data(at, more)),
        1 => (0usize..6, 1usize..4).prop_map(|(at, less)| Twist::Cut(at, less)),
        1 => (0usize..6, who()).prop_map(|(at, who)| Twist::Program(at, who)),
        1 => who().prop_map(Twist::FeePayer),
        2 => Just(Twist::Delegate),
        2 => (0usize..10).prop_map(Twist::Listed),
        2 => (bytes(), bytes()).prop_map(|(a, b)| Twist::Table(a, b)),
        2 => (0u8..4, 0u8..4, 0u8..10).prop_map(|(a, b, c)| Twist::Header(a, b, c)),
        1 => any::<u8>().prop_map(Twist::Signature),
        1 => Just(Twist::Merchant),
        1 => Just(Twist::Version1),
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

/// Mostly honest in all but one or two things.
pub(super) fn cases() -> impl Strategy<Value = Case> {
    let edits = || {
        prop_oneof![
            6 => Just(Vec::new()),
            1 => proptest::collection::vec(edit(), 1..4),
        ]
    };
    (
        any::<bool>(),
        any::<bool>(),
        proptest::collection::vec(any::<bool>(), 0..=3),
        any::<bool>(),
        proptest::collection::vec(twist(), 0..3),
        edits(),
        edits(),
    )
        .prop_map(|(versioned, token_2022, mut optional, memo_wanted, twists, edits, scars)| {
            // Half of them ask for a memo, and most of those have exactly one.
            if memo_wanted && optional.len() < 3 {
                optional.iter_mut().for_each(|memo| *memo = false);
                optional.push(true);
            }
            Case { versioned, token_2022, optional, memo_wanted, twists, edits, scars }
        })
}

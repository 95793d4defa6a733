//! A gateway in a small world: sales, thieves, crashes and clocks.

mod clocks;
mod crashes;
mod sales;
mod thieves;

//! Looking at a store that nobody has open, and giving up what is damaged in it.
//!
//! Opening reads as little as it can: the newest segment, and one head and one seal of each older
//! one. What is here reads everything:
//!
//! | | changes | stops at damage |
//! |---|---|---|
//! | [`verify`] | nothing | no: lists all of it |
//! | [`inspect`], [`list_frames`] | nothing | no: says what each slot file holds |
//! | [`salvage`] | nothing | yes, or goes on behind it |
//! | [`repair`] | cuts the log at the first damage, after a copy | - |
//!
//! All of them need the shard's directory for themselves: the caller holds its lock. Underneath,
//! [`examined`] opens the files, [`slots`] and [`proof`] find out what must be there, [`audit`]
//! walks it frame by frame and [`contents`] holds the frames against each other.

mod audit;
mod blank;
mod contents;
mod copies;
mod examined;
mod frames;
mod inspect;
mod proof;
mod repair;
mod salvage;
mod slots;
mod tally;
mod verify;

pub use copies::CopyState;
pub use frames::{SlotPart, list_frames};
pub use inspect::{Inspection, LogShare, SegmentInspection, SlotHolds, SlotInspection, inspect};
pub use repair::{Repair, RepairOptions, RepairReport, repair};
pub use salvage::{Salvage, SalvageOptions, SalvagedRecord, salvage};
pub use tally::LogCount;
pub use verify::{DAMAGE_LISTED_MAX, Progress, Verdict, Verification, verify};

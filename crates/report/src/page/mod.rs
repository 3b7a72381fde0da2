//! The frame that every page stands in, and the parts that pages share.

mod frame;
mod parts;

pub(crate) use frame::{Place, Site, frame, threshold};
pub(crate) use parts::*;

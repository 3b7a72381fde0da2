//! The frame that every page stands in, and the parts that pages share.

mod frame;
mod parts;

pub(crate) use frame::{Place, Site, frame, metas, threshold};
pub(crate) use parts::*;

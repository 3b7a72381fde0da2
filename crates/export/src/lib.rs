//! What the lake holds, in the forms that others ask for: the table of a municipality's inventory by GPC or by CRF, the
//! rows of CDP-ICLEI Track, and SDMX. A form says what it lacks; it never invents a figure.

mod cdp;
mod figures;
mod form;
mod header;
mod inventory;
#[cfg(test)]
mod inventory_tests;
mod places;
mod sdmx;

pub use cdp::{CdpExport, cdp};
pub use figures::inventory;
pub use form::FormCode;
pub use inventory::{Inventory, Kind, Line};
pub use sdmx::{SdmxExport, sdmx};

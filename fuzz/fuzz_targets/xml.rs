//! XML that is no page of rows: error reports, descriptions of a type, counts.
#![no_main]

use klimalade_format::gml;
use klimalade_fuzz::checked;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some(report) = gml::exception(data) {
        assert!(report.code.len() + report.text.len() <= data.len());
    }
    let _ = checked(gml::properties(Box::new(data)));
    let _ = checked(gml::hits(Box::new(data)));
});

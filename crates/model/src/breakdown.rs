/// Columns that break a figure down, in that order, and the code list of each.
pub const BREAKDOWNS: [(&str, &str); 6] = [
    ("sector_code", "sectors"),
    ("carrier_code", "carriers"),
    ("category_code", "categories"),
    ("detail_code", "details"),
    ("gas_code", "gases"),
    ("scope_code", "scopes"),
];

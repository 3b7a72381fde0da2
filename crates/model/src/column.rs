use arrow_schema::Field;

/// Field metadata: the column's name at the source, where it differs from the declared one.
pub const FROM_KEY: &str = "klimalade:from";

/// The name under which the source gives the column: a CSV header, a JSON key or a dotted path of keys.
pub fn source_name(field: &Field) -> &str {
    field.metadata().get(FROM_KEY).map_or(field.name(), String::as_str)
}

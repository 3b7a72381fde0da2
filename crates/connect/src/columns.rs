use arrow_schema::Field;

/// Field metadata: the column's name at the source, where it differs from the declared one.
pub const FROM_KEY: &str = "klimalade:from";
/// Field metadata `true`: the column is (a part of) the row's identity; distinct ids are counted over all of them.
pub const ID_KEY: &str = "klimalade:id";

/// The name under which the source gives the column: a CSV header, a JSON key or a dotted path of keys.
pub fn source_name(field: &Field) -> &str {
    field.metadata().get(FROM_KEY).map_or(field.name(), String::as_str)
}

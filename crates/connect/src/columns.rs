/// Field metadata `true`: the column is (a part of) the row's identity; distinct ids are counted over all of them.
pub const ID_KEY: &str = "klimalade:id";

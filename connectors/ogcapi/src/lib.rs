//! klimalade-ogcapi

use klimalade_connect::Registry;

/// The connectors that this binary speaks: one line each.
pub fn registry() -> Registry {
    Registry::default()
        .with::<klimalade_arcgis::ArcGis>()
        .with::<klimalade_ckan::Ckan>()
        .with::<klimalade_datafordeler::Datafordeler>()
        .with::<klimalade_energidata::Energidata>()
        .with::<klimalade_file::Files>()
        .with::<klimalade_ogcapi::OgcApi>()
        .with::<klimalade_rest::Rest>()
        .with::<klimalade_statbank::Statbank>()
        .with::<klimalade_wfs::Wfs>()
}

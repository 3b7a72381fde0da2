//! Each way in which an ArcGIS server was seen to mislead, as a test.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use klimalade_arcgis::{ArcGis, Settings};
use klimalade_connect::{Connector, FROM_KEY, Fault, Kind, Page, Part, Protocol, SourceType};
use klimalade_format::EPOCH_KEY;
use klimalade_testkit::{
    bench::{self, Answer, Asked, Server},
    contract::decode_all,
};
use serde_json::{Value, json};

const NOW: &str = "2026-11-23T20:00:00Z";
const LAYER: &str = "https://gis.example.dk/arcgis/rest/services/Stier/FeatureServer/0";

fn open(settings: Value) -> Result<ArcGis, Fault> {
    ArcGis::open(serde_json::from_value::<Settings>(settings).unwrap())
}

fn offline() -> ArcGis {
    open(json!({"base_url": LAYER})).unwrap()
}

/// A layer in each test's manner: what it says of itself, how many it counts, and what it answers else.
#[derive(Clone)]
struct Script {
    layer: Value,
    count: Value,
    answer: fn(&Asked) -> Value,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            layer: json!({"type": "Feature Layer", "maxRecordCount": 2, "capabilities": "Map,Query,Data",
                "fields": [{"name": "OBJECTID", "type": "esriFieldTypeOID"}, {"name": "KOMNR", "type": "esriFieldTypeString"}],
                "advancedQueryCapabilities": {"supportsPagination": true}}),
            count: json!({"count": 5}),
            answer: |asked| {
                let from = asked.number("resultOffset").unwrap_or(0) as i64;
                features(from..(from + 2).min(5), json!({}))
            },
        }
    }
}

fn features(ids: impl Iterator<Item = i64>, more: Value) -> Value {
    let features: Vec<Value> = ids
        .map(|id| json!({"attributes": {"OBJECTID": id, "KOMNR": "0101"}}))
        .collect();
    let mut body = json!({"features": features});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

impl Script {
    async fn start(self) -> Server {
        Server::start(move |asked: &Asked| -> Answer {
            let body = if !asked.path.ends_with("/query") {
                self.layer.clone()
            } else if asked.query.contains_key("returnCountOnly") {
                self.count.clone()
            } else {
                (self.answer)(asked)
            };
            bench::json(body.to_string())
        })
        .await
    }
}

fn settings(server: &Server, more: Value) -> Value {
    let mut settings = json!({"base_url": format!("{}/rest/services/Stier/MapServer/3", server.base)});
    settings
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    settings
}

/// The plan's only part, and its pages.
async fn walk(script: Script, more: Value) -> (Server, Result<(Part, Vec<Page>), Fault>) {
    let server = script.start().await;
    let connector = open(settings(&server, more)).unwrap();
    let cx = bench::context(NOW, &[("gis_token", "abcd-1234")]);
    let walked = async {
        let part = connector.plan(&cx).await?.remove(0);
        let pages = bench::fetch(&connector, &part, &cx).await?;
        Ok((part, pages))
    };
    let walked = walked.await;
    (server, walked)
}

async fn refused(script: Script, more: Value) -> Fault {
    walk(script, more).await.1.unwrap_err()
}

#[tokio::test]
async fn an_error_body_comes_with_http_200() {
    let body = json!({"error": {"code": 400, "message": "Invalid \"where\" parameter: komnr==", "details": []}});
    let fault = refused(
        Script {
            count: body,
            ..Script::default()
        },
        json!({}),
    )
    .await;
    assert_eq!(fault.kind(), Kind::Settings);
    assert!(fault.what().contains("komnr=="), "{fault}");
    let body = json!({"error": {"code": 404, "message": "nosuch.json not found", "details": []}});
    let fault = refused(
        Script {
            layer: body,
            ..Script::default()
        },
        json!({}),
    )
    .await;
    assert_eq!(fault.kind(), Kind::Source);
    assert!(fault.what().contains("nosuch.json"), "{fault}");
    let fault = refused(
        Script {
            answer: |_| json!({"error": {"code": 499, "message": "Token Required"}}),
            ..Script::default()
        },
        json!({}),
    )
    .await;
    assert_eq!(fault.kind(), Kind::Settings);
    assert!(fault.hint_text().unwrap().contains("token"), "{fault}");
}

#[tokio::test]
async fn a_server_that_is_not_well_is_asked_again() {
    for body in [
        json!({"error": {"code": 504, "message": "timeout"}}),
        json!({"status": "error", "code": 500, "messages": ["Could not access any server machines."]}),
    ] {
        let fault = refused(
            Script {
                count: body,
                ..Script::default()
            },
            json!({}),
        )
        .await;
        assert_eq!(fault.kind(), Kind::Transient, "{fault}");
    }
}

#[tokio::test]
async fn a_token_goes_with_every_request_and_shows_in_no_address() {
    let auth = json!({"auth": {"strategy": "query", "name": "token", "secret": "gis_token"}});
    let (server, walked) = walk(Script::default(), auth).await;
    assert!(
        server
            .requests()
            .iter()
            .all(|asked| asked.query["token"] == "abcd-1234")
    );
    let (part, pages) = walked.unwrap();
    assert!(pages.iter().all(|page| !page.entry.address.contains("abcd")));
    assert!(!serde_json::to_string(&part).unwrap().contains("abcd"));
}

#[tokio::test]
async fn the_layers_maximum_is_not_exceeded_and_the_order_is_asked_for() {
    let (server, walked) = walk(Script::default(), json!({"page_limit": 1000})).await;
    let (part, pages) = walked.unwrap();
    assert_eq!((part.key.as_str(), part.promised, pages.len()), ("all", Some(5), 3));
    let asked = &server.requests()[2];
    assert_eq!(asked.query["resultRecordCount"], "2");
    assert_eq!(asked.query["orderByFields"], "OBJECTID");
    assert_eq!(asked.query["outSR"], "25832");
}

#[tokio::test]
async fn a_short_page_that_exceeds_the_limit_is_not_the_last() {
    // The server gives one at a time, whatever is asked for.
    let script = Script {
        answer: |asked| {
            let from = asked.number("resultOffset").unwrap() as i64;
            features(from..(from + 1).min(5), json!({"exceededTransferLimit": from < 4}))
        },
        ..Script::default()
    };
    let (_, walked) = walk(script, json!({})).await;
    assert_eq!(walked.unwrap().1.len(), 5);
}

#[tokio::test]
async fn a_server_that_ignores_the_offset_fails_loudly() {
    // The bytes differ, the features do not.
    let script = Script {
        answer: |asked| features(0..2, json!({"said": asked.number("resultOffset")})),
        ..Script::default()
    };
    let fault = refused(script, json!({})).await;
    assert_eq!(fault.kind(), Kind::Source);
    assert_eq!(fault.hint_text(), Some("paging = \"ids\" in [source]"));
}

#[tokio::test]
async fn pages_that_overlap_are_walked_again() {
    let script = Script {
        answer: |asked| {
            let from = asked.number("resultOffset").unwrap() as i64;
            features((from - 1).max(0)..from + 2, json!({}))
        },
        ..Script::default()
    };
    let fault = refused(script, json!({})).await;
    assert!(fault.is_worth_another_walk(), "{fault}");
}

#[tokio::test]
async fn fewer_features_than_counted_are_an_error() {
    let fault = refused(
        Script {
            count: json!({"count": 7}),
            ..Script::default()
        },
        json!({}),
    )
    .await;
    assert_eq!(fault.kind(), Kind::Source);
    assert_eq!(
        (fault.expected_text(), fault.found_text()),
        (Some("7 features"), Some("5 features"))
    );
}

#[tokio::test]
async fn a_count_that_is_answered_with_features_is_an_error() {
    let fault = refused(
        Script {
            count: features(0..2, json!({})),
            ..Script::default()
        },
        json!({}),
    )
    .await;
    assert!(fault.found_text().unwrap().contains("features"), "{fault}");
}

fn old_layer() -> Value {
    json!({"currentVersion": 10.0, "type": "Feature Layer", "capabilities": "Map,Query,Data",
        "fields": [{"name": "OID", "type": "esriFieldTypeString"}, {"name": "OBJECTID", "type": "esriFieldTypeOID"}]})
}

#[tokio::test]
async fn a_layer_that_cannot_page_is_walked_by_its_ids() {
    let script = Script {
        layer: old_layer(),
        answer: |asked| match asked.query.get("objectIds") {
            None => json!({"objectIdFieldName": "OBJECTID", "objectIds": [9, 3, 1, 7, 5]}),
            Some(ids) => features(ids.split(',').map(|id| id.parse().unwrap()), json!({})),
        },
        ..Script::default()
    };
    let (server, walked) = walk(script, json!({"page_limit": 3, "out_fields": ["OID"]})).await;
    assert_eq!(walked.unwrap().1.len(), 2);
    let requests = server.requests();
    assert_eq!(requests[2].query["returnIdsOnly"], "true");
    assert_eq!(requests[3].query["objectIds"], "1,3,5");
    // A text field is not the object id because of its name; the id is asked for beside it.
    assert_eq!(requests[3].query["outFields"], "OID,OBJECTID");
}

#[tokio::test]
async fn a_list_of_ids_that_is_shorter_than_the_count_is_an_error() {
    let script = Script {
        layer: old_layer(),
        count: json!({"count": 124}),
        answer: |_| json!({"objectIdFieldName": "OBJECTID", "objectIds": [1]}),
    };
    let fault = refused(script, json!({})).await;
    assert_eq!(
        (fault.expected_text(), fault.found_text()),
        (Some("124 features"), Some("1 features"))
    );
    assert!(fault.hint_text().unwrap().contains("object_id_ranges"));
}

#[tokio::test]
async fn features_that_were_not_asked_for_are_an_error() {
    let script = Script {
        layer: old_layer(),
        count: json!({"count": 2}),
        answer: |asked| match asked.query.get("objectIds") {
            None => json!({"objectIds": [1, 2]}),
            Some(_) => features(1..4, json!({})),
        },
    };
    let fault = refused(script, json!({})).await;
    assert_eq!(fault.found_text(), Some("OBJECTID 3"));
}

#[tokio::test]
async fn a_long_list_of_ids_is_cut_to_what_an_address_holds() {
    let script = Script {
        layer: json!({"type": "Feature Layer", "maxRecordCount": 2000, "fields": [{"name": "OBJECTID", "type": "esriFieldTypeOID"}]}),
        count: json!({"count": 500}),
        answer: |asked| match asked.query.get("objectIds") {
            None => json!({"objectIds": (2_000_000_000_i64..2_000_000_500).collect::<Vec<_>>()}),
            Some(ids) => features(ids.split(',').map(|id| id.parse().unwrap()), json!({})),
        },
    };
    let (server, walked) = walk(script, json!({})).await;
    assert_eq!(walked.unwrap().1.len(), 5);
    assert!(server.requests().iter().all(|asked| asked.raw_query.len() < 2000));
}

#[tokio::test]
async fn a_layer_without_features_has_one_page_on_every_way() {
    for paging in ["offset", "ids", "object_id_ranges"] {
        let script = Script {
            count: json!({"count": 0}),
            answer: |asked| {
                if asked.query.contains_key("returnIdsOnly") {
                    json!({"objectIdFieldName": "OBJECTID", "objectIds": null})
                } else if asked.query.contains_key("outStatistics") {
                    json!({"features": [{"attributes": {"first_id": null, "last_id": null}}]})
                } else {
                    features(0..0, json!({}))
                }
            },
            ..Script::default()
        };
        let (_, walked) = walk(script, json!({"paging": paging})).await;
        assert_eq!(walked.unwrap().1.len(), 1, "{paging}");
    }
}

#[tokio::test]
async fn wrong_bounds_of_the_ids_lose_nothing_in_silence() {
    fn answer(asked: &Asked, last: i64) -> Value {
        if asked.query.contains_key("outStatistics") {
            return json!({"features": [{"attributes": {"first_id": 0, "last_id": last}}]});
        }
        let filter = &asked.query["where"];
        let bounds: Vec<i64> = filter.split(' ').filter_map(|word| word.parse().ok()).collect();
        features((bounds[0]..=bounds[1]).filter(|id| *id < 5), json!({}))
    }
    let ranges = json!({"paging": "object_id_ranges"});
    let fault = refused(
        Script {
            answer: |asked| answer(asked, 3),
            ..Script::default()
        },
        ranges.clone(),
    )
    .await;
    assert_eq!(fault.found_text(), Some("4 features"));
    let (server, walked) = walk(
        Script {
            answer: |asked| answer(asked, 4),
            ..Script::default()
        },
        ranges.clone(),
    )
    .await;
    assert_eq!(walked.unwrap().1.len(), 3);
    assert_eq!(
        server.requests()[3].query["where"],
        "(1=1) AND OBJECTID >= 0 AND OBJECTID <= 1"
    );
    // Hashed ids (koop) are too far apart for ranges.
    let fault = refused(
        Script {
            answer: |asked| answer(asked, 2_147_483_647),
            ..Script::default()
        },
        ranges,
    )
    .await;
    assert_eq!(fault.kind(), Kind::Settings);
    assert!(fault.hint_text().unwrap().contains("ids"));
}

#[tokio::test]
async fn a_layer_that_cannot_be_read_is_refused_before_it_is_counted() {
    for (layer, words) in [
        (json!({"type": "Group Layer", "name": "Klima"}), "Feature Layer"),
        (
            json!({"type": "Feature Layer", "capabilities": "Map", "fields": []}),
            "Query",
        ),
        (json!({"type": "Feature Layer", "fields": []}), "esriFieldTypeOID"),
        (json!({"services": []}), "a layer"),
    ] {
        let fault = refused(
            Script {
                layer,
                ..Script::default()
            },
            json!({}),
        )
        .await;
        assert!(fault.expected_text().unwrap().contains(words), "{fault}");
    }
    let fault = refused(Script::default(), json!({"out_fields": ["KOMMNR"]})).await;
    assert_eq!(fault.hint_text(), Some("did you mean KOMNR"));
}

#[tokio::test]
async fn the_last_edit_is_the_mark_of_change_where_there_is_one() {
    let mut script = Script::default();
    let (_, walked) = walk(script.clone(), json!({})).await;
    assert_eq!(walked.unwrap().0.change_mark, None);
    script.layer["editingInfo"] = json!({"lastEditDate": 1_763_900_000_123_i64});
    let (_, walked) = walk(script, json!({})).await;
    assert_eq!(walked.unwrap().0.change_mark.as_deref(), Some("1763900000123"));
}

fn decoded(body: &Value, columns: &SchemaRef) -> Result<Vec<arrow::array::RecordBatch>, Fault> {
    decode_all(
        &offline(),
        &Part::new("all"),
        &bench::page(body.to_string().as_bytes()),
        columns,
    )
}

fn one(from: &str, kind: DataType) -> SchemaRef {
    bench::columns(&[("cell", from, kind)])
}

fn instants(epoch: bool) -> SchemaRef {
    let mut metadata = vec![(FROM_KEY, "attributes.dato")];
    metadata.extend(epoch.then_some((EPOCH_KEY, "ms")));
    let metadata = metadata
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
    let kind = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new("cell", kind, true).with_metadata(metadata.collect()),
    ]))
}

#[test]
fn a_date_is_milliseconds_and_says_so_where_it_is_not_declared() {
    let body = json!({"features": [{"attributes": {"dato": 1_267_440_682_000_i64}}, {"attributes": {"dato": null}},
        {"attributes": {"dato": -5_364_662_400_000_i64}}]});
    let batches = decoded(&body, &instants(true)).unwrap();
    let column = batches[0]
        .column(0)
        .as_primitive::<arrow::datatypes::TimestampMicrosecondType>();
    assert_eq!((column.value(0), column.is_null(1)), (1_267_440_682_000_000, true));
    // 1800, a sentinel for unknown: map.sql's matter.
    assert_eq!(column.value(2), -5_364_662_400_000_000);
    let fault = decoded(&body, &instants(false)).unwrap_err();
    assert!(fault.hint_text().unwrap().contains("epoch = \"ms\""), "{fault}");
}

#[test]
fn types_that_lie_are_faults_with_a_hint() {
    // Declared String by koop, since it is null in the first feature; numbers come.
    let body =
        json!({"features": [{"attributes": {"tal": null}}, {"attributes": {"tal": 42}}, {"attributes": {"tal": "7"}}]});
    let texts = decoded(&body, &one("attributes.tal", DataType::Utf8)).unwrap();
    assert_eq!(
        bench::texts(&texts, "cell"),
        [None, Some("42".to_owned()), Some("7".to_owned())]
    );
    assert!(decoded(&body, &one("attributes.tal", DataType::Int64)).is_ok());
    let body = json!({"features": [{"attributes": {"tal": "ukendt"}}]});
    let fault = decoded(&body, &one("attributes.tal", DataType::Int64)).unwrap_err();
    assert_eq!(fault.kind(), Kind::Contract);
    let hint = fault.hint_text().unwrap();
    assert!(
        hint.starts_with("cell = { from = \"attributes.tal\", type = \"text\" }"),
        "{hint}"
    );
}

#[test]
fn another_reference_system_than_asked_for_is_refused() {
    let geometry = json!({"x": 560_000.0, "y": 6_200_000.0});
    let page = |reference: Value| json!({"spatialReference": reference, "features": [{"attributes": {}, "geometry": geometry}]});
    let columns = one("geometry", DataType::Binary);
    assert!(decoded(&page(json!({"wkid": 25832})), &columns).is_ok());
    for wrong in [
        json!({"wkid": 4326}),
        json!({"wkid": 102_100, "latestWkid": 3857}),
        json!({"wkt": "PROJCS[...]"}),
    ] {
        let fault = decoded(&page(wrong), &columns).unwrap_err();
        assert!(fault.expected_text().unwrap().contains("25832"), "{fault}");
    }
    let degrees = json!({"features": [{"geometry": {"x": 10.2, "y": 56.1}}]});
    let fault = decoded(&degrees, &columns).unwrap_err();
    assert!(fault.what().contains("outside Denmark"), "{fault}");
}

#[test]
fn geometry_that_was_not_asked_for_is_refused() {
    let connector = open(json!({"base_url": LAYER, "geometry": false})).unwrap();
    let page = bench::page(br#"{"features":[{"attributes":{"a":1}}]}"#);
    let fault = decode_all(&connector, &Part::new("all"), &page, &one("geometry", DataType::Binary)).unwrap_err();
    assert_eq!(fault.kind(), Kind::Settings);
}

#[test]
fn a_geometry_is_one_column_and_curves_are_text() {
    let body = json!({"features": [{"attributes": {"OBJECTID": 1, "navn": "Ærø"}, "geometry": {"x": 560_000, "y": 6_200_000}},
        {"attributes": {"OBJECTID": 2, "navn": null}, "geometry": null}]});
    let found = |body: Value| {
        let page = bench::page(body.to_string().as_bytes());
        let found = offline().columns(&Part::new("all"), &page).unwrap();
        found
            .into_iter()
            .map(|column| (column.name, column.kind, column.filled))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        found(body),
        [
            ("attributes.OBJECTID".to_owned(), SourceType::Int, 2),
            ("attributes.navn".to_owned(), SourceType::Text, 1),
            ("geometry".to_owned(), SourceType::Geometry, 1),
        ]
    );
    let curve = json!({"features": [{"attributes": {"a": 1}, "geometry": {"curvePaths": [[[0, 0], {"c": [[3, 3], [1, 4]]}]]}}]});
    assert_eq!(found(curve.clone())[1], ("geometry".to_owned(), SourceType::Text, 1));
    let fault = decoded(&curve, &one("geometry", DataType::Binary)).unwrap_err();
    assert!(fault.what().contains("curves"), "{fault}");
    assert_eq!(fault.places()[0], "row 1, column `cell`");
}

#[test]
fn settings_say_what_can_be_typed() {
    for (settings, hint) in [
        (
            json!({"base_url": "https://a.dk/rest/services/Stier/FeatureServer"}),
            "FeatureServer/0\"",
        ),
        (
            json!({"base_url": "https://a.dk/rest/services/Stier"}),
            "FeatureServer/0\"",
        ),
        (
            json!({"base_url": "https://a.dk/rest/services/Stier/ImageServer/0"}),
            "FeatureServer/0\"",
        ),
        (json!({"base_url": LAYER, "where": " "}), "1=1"),
        (json!({"base_url": LAYER, "page_limit": 0}), "page_limit = 2000"),
        (json!({"base_url": LAYER, "out_fields": []}), "[\"*\"]"),
        (
            json!({"base_url": LAYER, "out_fields": ["A,B"]}),
            "[\"OBJECTID\", \"KOMNR\"]",
        ),
    ] {
        let fault = open(settings).unwrap_err();
        assert_eq!(fault.kind(), Kind::Settings);
        assert!(fault.hint_text().unwrap().contains(hint), "{fault}");
    }
    assert!(serde_json::from_value::<Settings>(json!({"base_url": LAYER, "limit": 5})).is_err());
}

#[tokio::test]
async fn a_run_that_is_ended_is_no_finished_walk() {
    let server = Script::default().start().await;
    let connector = open(settings(&server, json!({}))).unwrap();
    let cx = bench::context(NOW, &[]);
    let part = connector.plan(&cx).await.unwrap().remove(0);
    cx.cancel.cancel();
    assert_eq!(
        bench::fetch(&connector, &part, &cx).await.unwrap_err().kind(),
        Kind::Transient
    );
}

SELECT
    'publish' AS fate, concat('miljoegis_wetland_projects:', r.feature) AS project_id, '_U' AS actor_code, r.title,
    'peat_soil' AS kind_code,
    CASE WHEN r.approval = 'Endelig projektgodkendelse' AND r.decision = 'Anlæg' THEN 'granted'
         ELSE concat('?', r.decision, ' / ', r.approval) END AS stage_code,
    r.area_ha, geometry_repaired(r.geometry) AS geometry,
    arrow_cast(make_date(CAST(r.round AS INT), 1, 1), 'Timestamp(Microsecond, Some("UTC"))') AS registered_at
FROM raw r

SELECT
    'publish' AS fate, p.raw_rows, concat('mars_projects:', p.project) AS project_id, '_U' AS actor_code, p.title,
    coalesce(m.kind_code, concat('?', p.measure)) AS kind_code,
    coalesce(s.stage_code, concat('?', p.status)) AS stage_code, p.area_ha, p.extraction_ha AS organic_soil_ha,
    p.afforestation_ha, p.nitrogen_tonne AS nitrogen_reduction_tonne,
    geometry_repaired(geometry_from_wkt(p.geometry_wkt)) AS geometry, p.applied_at AS registered_at, p.changed_at
FROM (
    SELECT
        location, count(*) AS raw_rows, max(project) AS project, max(title) AS title,
        CAST(max(status) AS VARCHAR) AS status, max(measure) AS measure, max(area_ha) AS area_ha,
        max(extraction_ha) AS extraction_ha, max(afforestation_ha) AS afforestation_ha,
        max(nitrogen_tonne) AS nitrogen_tonne, max(applied_at) AS applied_at, max(changed_at) AS changed_at,
        max(geometry_wkt) AS geometry_wkt
    FROM raw GROUP BY location
) p
LEFT JOIN maps.measures m ON m.code = p.measure
LEFT JOIN maps.states s ON s.code = p.status

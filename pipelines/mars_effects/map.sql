WITH built AS (
    SELECT p.project_id, p.kind_code, p.organic_soil_ha, p.afforestation_ha, p.nitrogen_reduction_tonne,
        CAST(date_part('year', civil_date(p.changed_at)) AS INT) AS built_year
    FROM core.project p
    WHERE p.stage_code = 'built'
),
span AS (
    SELECT min(CAST(date_part('year', civil_date(changed_at)) AS INT)) AS first_year,
        max(CAST(date_part('year', civil_date(changed_at)) AS INT)) AS register_year
    FROM core.project
),
counted AS (
    SELECT b.*, y.year
    FROM built b
    CROSS JOIN (SELECT unnest(range(first_year + 1, register_year + 1)) AS year FROM span) y
    WHERE b.built_year < y.year
),
effects AS (
    SELECT project_id, kind_code, year, unnest(make_array(
        named_struct('indicator', 'organic_soil_taken_out', 'effect', organic_soil_ha, 'last', 0),
        named_struct('indicator', 'afforestation_area', 'effect', afforestation_ha, 'last', 0),
        named_struct('indicator', 'nitrogen_reduction', 'effect', nitrogen_reduction_tonne, 'last', 1))) AS e
    FROM counted
)
SELECT
    f.e['indicator'] AS indicator_code, a.area_code, make_date(CAST(f.year AS INT), 1, 1) AS period_start,
    'A' AS frequency_code, coalesce(c.category_code, f.kind_code) AS category_code,
    'mars_standard_effect' AS method_code, sum(f.e['effect'] * a.share) AS value
FROM effects f
JOIN core.project_area a ON a.project_id = f.project_id
CROSS JOIN span s
LEFT JOIN (VALUES ('peat_soil', 'lowland_project'), ('wetland', 'nitrogen_wetland')) c(kind_code, category_code)
    ON c.kind_code = f.kind_code
WHERE f.e['effect'] <> 0 AND f.year + f.e['last'] <= s.register_year
GROUP BY f.e['indicator'], a.area_code, f.year, coalesce(c.category_code, f.kind_code)

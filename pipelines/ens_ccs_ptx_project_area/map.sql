SELECT
    'publish' AS fate, concat('ens_ccs_ptx:', r.project) AS project_id,
    coalesce(a.code, concat('?', r.municipality)) AS area_code,
    CASE WHEN abs(sum(r.share) OVER (PARTITION BY r.project) - 1) < 0.0005 THEN r.share END AS share
FROM raw r
LEFT JOIN codes.areas a ON r.municipality IN (a.code, a.statbank_code) AND a.area_level = 'municipality'

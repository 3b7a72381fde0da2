SELECT
    'publish' AS fate, concat('ens_ccs_ptx:', r.project) AS project_id,
    coalesce(w.code, concat('?', r.actor)) AS actor_code, r.title,
    coalesce(k.code, concat('?', r.kind)) AS kind_code, coalesce(s.code, concat('?', r.stage)) AS stage_code,
    r.capture AS capture_tonne_co2, r.power_mw AS capacity_mw, '_Z' AS track_code,
    arrow_cast(r.changed, 'Timestamp(µs, "UTC")') AS changed_at
FROM raw r
LEFT JOIN codes.actors w ON w.name_da = r.actor
LEFT JOIN codes.kinds k ON k.name_da = r.kind AND k.code IN ('ccs', 'ptx')
LEFT JOIN codes.stages s ON s.name_da = r.stage

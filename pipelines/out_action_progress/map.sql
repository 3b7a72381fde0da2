SELECT
    n.area_code, n.kind, n.status_code, a.area_level, a.name_da AS area_name_da, a.name_en AS area_name_en,
    count(*) AS action_count,
    count(CASE WHEN n.end_date < t.run_date AND n.status_code NOT IN ('done', 'dropped') THEN 1 END) AS late_count,
    sum(n.expected_effect_tonne_co2e) AS expected_effect_tonne_co2e,
    count(n.expected_effect_tonne_co2e) AS expected_effect_count,
    sum(n.realised_effect_tonne_co2e) AS realised_effect_tonne_co2e,
    count(n.realised_effect_tonne_co2e) AS realised_effect_count, sum(n.budget_dkk) AS budget_dkk,
    count(n.budget_dkk) AS budget_count
FROM core.action n
CROSS JOIN run_date t
JOIN codes.areas a ON a.code = n.area_code
GROUP BY n.area_code, n.kind, n.status_code, a.area_level, a.name_da, a.name_en

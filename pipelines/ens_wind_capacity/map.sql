WITH turbine AS (
    SELECT coalesce(area_code, '_U') AS area_code, carrier_code, capacity_mw, commissioned_date, decommissioned_date
    FROM core.facility
    WHERE kind_code = 'wind_turbine' AND facility_id LIKE 'ens_wind_register:%'
        AND commissioned_date IS NOT NULL AND capacity_mw IS NOT NULL
),
-- The newest change in the register says how far it goes: the clock is not asked.
january AS (
    SELECT make_date(CAST(n.year AS INT), 1, 1) AS day
    FROM (SELECT unnest(range(1990, 2051)) AS year) n
    CROSS JOIN (SELECT max(greatest(commissioned_date, coalesce(decommissioned_date, commissioned_date))) AS newest FROM turbine) e
    WHERE n.year <= date_part('year', e.newest)
)
SELECT
    'electricity_capacity_register' AS indicator_code, t.area_code, j.day AS period_start, 'A' AS frequency_code,
    t.carrier_code, 'ens_turbine_register' AS method_code,
    round(sum(t.capacity_mw), 6) AS value
FROM january j
JOIN turbine t ON t.commissioned_date < j.day AND (t.decommissioned_date IS NULL OR t.decommissioned_date >= j.day)
GROUP BY t.area_code, t.carrier_code, j.day

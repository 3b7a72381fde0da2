WITH today AS (
    -- Days since 1 January of the year 1: the same in every dialect, where the difference of two dates is not.
    SELECT run_date, 365 * (EXTRACT(YEAR FROM run_date) - 1) + floor((EXTRACT(YEAR FROM run_date) - 1) / 4.0)
        - floor((EXTRACT(YEAR FROM run_date) - 1) / 100.0) + floor((EXTRACT(YEAR FROM run_date) - 1) / 400.0)
        + EXTRACT(DOY FROM run_date) AS day_number
    FROM run_date
),
-- The plan that holds: one that is adopted or certified, else one that has run out, else one in preparation; of
-- several the newest.
plans AS (
    SELECT p.*,
        365 * (EXTRACT(YEAR FROM revision_due_date) - 1) + floor((EXTRACT(YEAR FROM revision_due_date) - 1) / 4.0)
            - floor((EXTRACT(YEAR FROM revision_due_date) - 1) / 100.0)
            + floor((EXTRACT(YEAR FROM revision_due_date) - 1) / 400.0)
            + EXTRACT(DOY FROM revision_due_date) AS due_number,
        row_number() OVER (PARTITION BY area_code ORDER BY
            CASE WHEN status_code IN ('certified', 'adopted') THEN 1 WHEN status_code = 'expired' THEN 2
                WHEN status_code = 'in_progress' THEN 3 ELSE 4 END,
            coalesce(adopted_date, certified_date, valid_from, make_date(1900, 1, 1)) DESC, plan_id) AS place,
        count(*) OVER (PARTITION BY area_code) AS plan_count,
        max(CASE WHEN status_code = 'in_progress' THEN 1 ELSE 0 END) OVER (PARTITION BY area_code) AS in_progress
    FROM core.plan p
),
criteria AS (
    SELECT plan_id, count(CASE WHEN met_code = 'met' THEN 1 END) AS met_count,
        count(CASE WHEN met_code = 'partly' THEN 1 END) AS partly_count,
        count(CASE WHEN met_code = 'not_met' THEN 1 END) AS not_met_count,
        count(CASE WHEN met_code = 'not_assessed' THEN 1 END) AS not_assessed_count
    FROM core.plan_assessment
    GROUP BY plan_id
),
targets AS (SELECT area_code, count(*) AS target_count FROM core.target GROUP BY area_code),
actions AS (SELECT area_code, count(*) AS action_count FROM core.action GROUP BY area_code)
SELECT
    a.code AS area_code, a.name_da AS area_name_da, a.name_en AS area_name_en, r.code AS region_code,
    r.name_da AS region_name_da, r.name_en AS region_name_en,
    p.status_code IN ('adopted', 'certified', 'expired') AS has_plan, p.plan_id, p.title, p.framework_code,
    p.status_code, p.adopted_date, p.certified_date, p.recertified_date, p.revision_due_date,
    p.revision_due_date < t.run_date AND coalesce(p.recertified_date < p.revision_due_date, true) AS is_overdue,
    CAST(p.due_number - t.day_number AS INT) AS days_to_revision,
    p.in_progress = 1 AND p.status_code <> 'in_progress' AS is_in_revision,
    c.met_count AS criteria_met_count, c.partly_count AS criteria_partly_count,
    c.not_met_count AS criteria_not_met_count, c.not_assessed_count AS criteria_not_assessed_count,
    coalesce(p.plan_count, 0) AS plan_count,
    coalesce(g.target_count, 0) AS target_count, coalesce(n.action_count, 0) AS action_count, p.document_url,
    t.run_date AS as_of_date
FROM codes.areas a
CROSS JOIN today t
JOIN codes.area_members w ON w.area_code = a.code AND CAST(w.valid_from AS DATE) <= t.run_date
    AND coalesce(CAST(w.valid_to AS DATE) > t.run_date, true)
JOIN codes.areas r ON r.code = w.within_code AND r.area_level = 'region'
LEFT JOIN plans p ON p.area_code = a.code AND p.place = 1
LEFT JOIN criteria c ON c.plan_id = p.plan_id
LEFT JOIN targets g ON g.area_code = a.code
LEFT JOIN actions n ON n.area_code = a.code
WHERE a.area_level = 'municipality' AND CAST(a.valid_from AS DATE) <= t.run_date
    AND coalesce(CAST(a.valid_to AS DATE) > t.run_date, true)

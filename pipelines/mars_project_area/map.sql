WITH pieces AS (
    SELECT p.project_id, b.area_code, geometry_share(p.geometry, b.geometry) AS share
    FROM core.project p
    JOIN core.area_boundary b ON p.bbox_xmin <= b.bbox_xmax AND p.bbox_xmax >= b.bbox_xmin
        AND p.bbox_ymin <= b.bbox_ymax AND p.bbox_ymax >= b.bbox_ymin
),
kept AS (
    SELECT project_id, area_code, share FROM pieces WHERE share >= 0.001
),
outside AS (
    SELECT p.project_id, CASE WHEN p.bbox_xmin IS NULL THEN '_U' ELSE '_X' END AS area_code,
        1 - coalesce(sum(k.share), 0) AS share
    FROM core.project p
    LEFT JOIN kept k ON k.project_id = p.project_id
    GROUP BY p.project_id, p.bbox_xmin
    HAVING 1 - coalesce(sum(k.share), 0) >= 0.001
),
shares AS (
    SELECT project_id, area_code, share FROM kept
    UNION ALL
    SELECT project_id, area_code, share FROM outside
)
SELECT project_id, area_code, share / sum(share) OVER (PARTITION BY project_id) AS share FROM shares

SELECT project_id,
    CASE WHEN project_id LIKE '%copenhagen\_open\_data\_cloudburst\_%' THEN '0101'
         WHEN project_id LIKE '%frederiksberg\_open\_data\_cloudburst\_%' THEN '0147'
         ELSE concat('?', project_id) END AS area_code,
    CAST(1 AS DOUBLE) AS share
FROM core.project

WITH sectors AS (
    SELECT s.code AS sector_code, coalesce(p3.code, p2.code, p1.code, s.code) AS top_sector
    FROM codes.sectors s
    LEFT JOIN codes.sectors p1 ON p1.code = s.parent_code
    LEFT JOIN codes.sectors p2 ON p2.code = p1.parent_code
    LEFT JOIN codes.sectors p3 ON p3.code = p2.parent_code
),
figures AS (
    SELECT o.area_code, CAST(o.year AS INT) AS year, o.indicator_code, o.carrier_code, o.category_code, o.detail_code,
        o.value, s.top_sector, c.parent_code AS fuel_group, c.is_fossil
    FROM core.observation o
    LEFT JOIN sectors s ON s.sector_code = o.sector_code
    LEFT JOIN codes.carriers c ON c.code = o.carrier_code
    WHERE o.scenario_code = 'actual' AND o.area_level = 'municipality'
),
years AS (SELECT DISTINCT year FROM figures),
added AS (
    SELECT area_code, year,
        sum(value) FILTER (WHERE indicator_code = 'population') AS population_person,
        sum(value) FILTER (WHERE indicator_code = 'land_area') AS land_area_km2,
        sum(value) FILTER (WHERE indicator_code = 'ghg_emissions') AS ghg_tonne_co2e,
        sum(value) FILTER (WHERE indicator_code = 'ghg_emissions' AND top_sector = 'energy') AS ghg_energy_tonne_co2e,
        sum(value) FILTER (WHERE indicator_code = 'ghg_emissions' AND top_sector = 'transport')
            AS ghg_transport_tonne_co2e,
        sum(value) FILTER (WHERE indicator_code = 'ghg_emissions' AND top_sector = 'agriculture_land')
            AS ghg_agriculture_land_tonne_co2e,
        sum(value) FILTER (WHERE indicator_code = 'ghg_emissions' AND top_sector = 'industrial_processes')
            AS ghg_industrial_processes_tonne_co2e,
        sum(value) FILTER (WHERE indicator_code = 'ghg_emissions' AND top_sector = 'waste') AS ghg_waste_tonne_co2e,
        sum(value) FILTER (WHERE indicator_code = 'final_energy_consumption') AS final_energy_tj,
        sum(value) FILTER (WHERE indicator_code = 'final_energy_consumption' AND is_fossil = '1') AS fossil_energy_tj,
        sum(value) FILTER (WHERE indicator_code = 'final_energy_consumption' AND fuel_group = 'fossil_solid')
            AS coal_energy_tj,
        sum(value) FILTER (WHERE indicator_code = 'final_energy_consumption' AND fuel_group = 'oil_products')
            AS oil_energy_tj,
        sum(value) FILTER (WHERE indicator_code = 'final_energy_consumption' AND carrier_code = 'natural_gas')
            AS natural_gas_energy_tj,
        sum(value) FILTER (WHERE indicator_code = 'electricity_capacity' AND carrier_code = 'wind_onshore')
            AS wind_onshore_capacity_mw,
        sum(value) FILTER (WHERE indicator_code = 'electricity_capacity' AND carrier_code = 'wind_offshore')
            AS wind_offshore_capacity_mw,
        sum(value) FILTER (WHERE indicator_code = 'electricity_capacity' AND carrier_code = 'solar_pv')
            AS solar_capacity_mw,
        sum(value) FILTER (WHERE indicator_code = 'electricity_production' AND carrier_code = 'wind_onshore')
            AS wind_onshore_production_mwh,
        sum(value) FILTER (WHERE indicator_code = 'electricity_production' AND carrier_code = 'wind_offshore')
            AS wind_offshore_production_mwh,
        sum(value) FILTER (WHERE indicator_code = 'electricity_production' AND carrier_code = 'solar_pv')
            AS solar_production_mwh,
        sum(value) FILTER (WHERE indicator_code = 'electricity_consumption') AS electricity_consumption_mwh,
        sum(value) FILTER (WHERE indicator_code = 'district_heat_fuel') AS district_heat_fuel_tj,
        sum(value) FILTER (WHERE indicator_code = 'district_heat_fuel' AND is_fossil = '1')
            AS district_heat_fossil_fuel_tj,
        sum(value) FILTER (WHERE indicator_code = 'building_floor_area') AS heated_floor_area_m2,
        sum(value) FILTER (WHERE indicator_code = 'building_floor_area' AND detail_code >= 'built_2010'
                AND detail_code < 'built_3')
            AS floor_area_built_since_2010_m2,
        sum(value) FILTER (WHERE indicator_code = 'dwellings') AS dwellings_number,
        sum(value) FILTER (WHERE indicator_code = 'dwellings' AND carrier_code = 'district_heat')
            AS dwellings_district_heat_number,
        sum(value) FILTER (WHERE indicator_code = 'dwellings' AND carrier_code = 'heat_pump')
            AS dwellings_heat_pump_number,
        sum(value) FILTER (WHERE indicator_code = 'dwellings' AND carrier_code IN ('gas_heating', 'natural_gas'))
            AS dwellings_gas_number,
        sum(value) FILTER (WHERE indicator_code = 'dwellings' AND fuel_group = 'oil_products') AS dwellings_oil_number,
        sum(value) FILTER (WHERE indicator_code = 'vehicles') AS vehicles_number,
        sum(value) FILTER (WHERE indicator_code = 'vehicles' AND category_code = 'passenger_car') AS cars_number,
        sum(value) FILTER (WHERE indicator_code = 'vehicles' AND category_code = 'passenger_car'
                AND carrier_code = 'electricity')
            AS battery_electric_cars_number,
        sum(value) FILTER (WHERE indicator_code = 'charging_points') AS charging_points_number,
        sum(value) FILTER (WHERE indicator_code = 'cycle_path_length') AS cycle_path_km,
        sum(value) FILTER (WHERE indicator_code = 'traffic_work') AS traffic_work_million_vehicle_km,
        sum(value) FILTER (WHERE indicator_code = 'livestock' AND category_code = 'cattle') AS cattle_number,
        sum(value) FILTER (WHERE indicator_code = 'livestock' AND category_code = 'pigs') AS pigs_number,
        sum(value) FILTER (WHERE indicator_code = 'organic_soil_taken_out') AS organic_soil_taken_out_ha,
        sum(value) FILTER (WHERE indicator_code = 'afforestation_area') AS afforestation_built_ha,
        sum(value) FILTER (WHERE indicator_code = 'forest_area') AS forest_area_ha,
        sum(value) FILTER (WHERE indicator_code = 'household_waste') AS household_waste_tonne,
        sum(value) FILTER (WHERE indicator_code = 'household_waste' AND category_code = 'recycling')
            AS household_waste_recycled_tonne,
        sum(value) FILTER (WHERE indicator_code = 'waste_treated' AND category_code = 'landfill')
            AS waste_landfilled_tonne,
        sum(value) FILTER (WHERE indicator_code = 'wastewater_load') AS wastewater_load_pe,
        coalesce(sum(value) FILTER (WHERE indicator_code = 'biogas_production'),
            sum(value) FILTER (WHERE indicator_code = 'biogas_production_plants')) AS biogas_tj,
        sum(value) FILTER (WHERE indicator_code = 'municipal_expenditure') AS municipal_expenditure_dkk,
        sum(value) FILTER (WHERE indicator_code = 're_electricity_share') AS renewable_electricity_ratio,
        sum(value) FILTER (WHERE indicator_code = 'electricity_emission_factor')
            AS electricity_emission_factor_g_co2e_per_kwh,
        sum(value) FILTER (WHERE indicator_code = 'heating_degree_days') AS heating_degree_day
    FROM figures
    GROUP BY area_code, year
)
SELECT
    a.code AS area_code, CAST(y.year AS SMALLINT) AS year, a.name_da AS area_name_da, a.name_en AS area_name_en,
    r.code AS region_code, r.name_da AS region_name_da, r.name_en AS region_name_en,
    f.population_person, f.land_area_km2, f.ghg_tonne_co2e, f.ghg_energy_tonne_co2e, f.ghg_transport_tonne_co2e,
    f.ghg_agriculture_land_tonne_co2e, f.ghg_industrial_processes_tonne_co2e, f.ghg_waste_tonne_co2e,
    f.ghg_tonne_co2e / nullif(f.population_person, 0) AS ghg_tonne_co2e_per_person,
    f.ghg_tonne_co2e / nullif(f.land_area_km2, 0) AS ghg_tonne_co2e_per_km2,
    f.final_energy_tj, f.fossil_energy_tj,
    f.fossil_energy_tj / nullif(f.final_energy_tj, 0) AS fossil_energy_ratio,
    f.coal_energy_tj, f.oil_energy_tj, f.natural_gas_energy_tj, f.renewable_electricity_ratio,
    f.wind_onshore_capacity_mw, f.wind_offshore_capacity_mw, f.solar_capacity_mw, f.wind_onshore_production_mwh,
    f.wind_offshore_production_mwh, f.solar_production_mwh, f.electricity_consumption_mwh,
    f.electricity_emission_factor_g_co2e_per_kwh, f.district_heat_fuel_tj,
    f.district_heat_fossil_fuel_tj / nullif(f.district_heat_fuel_tj, 0) AS district_heat_fossil_ratio,
    f.biogas_tj, f.heated_floor_area_m2,
    f.floor_area_built_since_2010_m2 / nullif(f.heated_floor_area_m2, 0) AS floor_area_built_since_2010_ratio,
    f.dwellings_number, f.dwellings_district_heat_number, f.dwellings_heat_pump_number, f.dwellings_gas_number,
    f.dwellings_oil_number,
    f.dwellings_district_heat_number / nullif(f.dwellings_number, 0) AS dwellings_district_heat_ratio,
    f.dwellings_heat_pump_number / nullif(f.dwellings_number, 0) AS dwellings_heat_pump_ratio,
    f.dwellings_gas_number / nullif(f.dwellings_number, 0) AS dwellings_gas_ratio,
    f.dwellings_oil_number / nullif(f.dwellings_number, 0) AS dwellings_oil_ratio,
    f.vehicles_number, f.cars_number, f.battery_electric_cars_number,
    f.battery_electric_cars_number / nullif(f.cars_number, 0) AS battery_electric_cars_ratio,
    f.charging_points_number, f.cycle_path_km, f.traffic_work_million_vehicle_km, f.cattle_number, f.pigs_number,
    f.organic_soil_taken_out_ha, f.afforestation_built_ha, f.forest_area_ha, f.household_waste_tonne,
    f.household_waste_recycled_tonne / nullif(f.household_waste_tonne, 0) AS household_waste_recycled_ratio,
    f.waste_landfilled_tonne, f.wastewater_load_pe, f.heating_degree_day, f.municipal_expenditure_dkk
FROM codes.areas a
JOIN years y ON CAST(a.valid_from AS DATE) <= make_date(y.year, 1, 1)
    AND coalesce(CAST(a.valid_to AS DATE) > make_date(y.year, 1, 1), true)
JOIN codes.area_members w ON w.area_code = a.code AND CAST(w.valid_from AS DATE) <= make_date(y.year, 1, 1)
    AND coalesce(CAST(w.valid_to AS DATE) > make_date(y.year, 1, 1), true)
JOIN codes.areas r ON r.code = w.within_code AND r.area_level = 'region'
LEFT JOIN added f ON f.area_code = a.code AND f.year = y.year
WHERE a.area_level = 'municipality'

<?xml version="1.0" encoding="UTF-8"?>
<wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs/2.0" xmlns:gml="http://www.opengis.net/gml/3.2" xmlns:dagi10="http://data.gov.dk/schemas/dagi/2/gml3sfp" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" numberMatched="2" numberReturned="2" timeStamp="2026-02-15T02:00:00Z">
 <wfs:member>
  <dagi10:Kommuneinddeling gml:id="Kommuneinddeling.389103">
   <dagi10:id.lokalId>389103</dagi10:id.lokalId>
   <dagi10:navn>Læsø Kommune</dagi10:navn>
   <dagi10:kommunekode>0825</dagi10:kommunekode>
   <dagi10:udenforKommuneinddeling>false</dagi10:udenforKommuneinddeling>
   <dagi10:virkningTil xsi:nil="true"/>
   <dagi10:geometri>
    <gml:MultiGeometry srsName="urn:ogc:def:crs:EPSG::25832">
     <gml:geometryMember><gml:Polygon>
      <gml:exterior><gml:LinearRing><gml:posList>610000 6340000 620000 6340000 620000 6350000 610000 6350000 610000 6340000</gml:posList></gml:LinearRing></gml:exterior>
      <gml:interior><gml:LinearRing><gml:posList>612000 6342000 613000 6342000 613000 6343000 612000 6343000 612000 6342000</gml:posList></gml:LinearRing></gml:interior>
     </gml:Polygon></gml:geometryMember>
     <gml:geometryMember><gml:Polygon>
      <gml:exterior><gml:LinearRing><gml:posList>630000 6340000 631000 6340000 631000 6341000 630000 6340000</gml:posList></gml:LinearRing></gml:exterior>
     </gml:Polygon></gml:geometryMember>
    </gml:MultiGeometry>
   </dagi10:geometri>
  </dagi10:Kommuneinddeling>
 </wfs:member>
 <wfs:member>
  <dagi10:Kommuneinddeling gml:id="Kommuneinddeling.389104">
   <dagi10:id.lokalId>389104</dagi10:id.lokalId>
   <dagi10:navn>Christiansø</dagi10:navn>
   <dagi10:kommunekode>0411</dagi10:kommunekode>
   <dagi10:udenforKommuneinddeling>true</dagi10:udenforKommuneinddeling>
   <dagi10:virkningTil xsi:nil="true"/>
   <dagi10:geometri>
    <gml:MultiGeometry srsName="urn:ogc:def:crs:EPSG::25832">
     <gml:geometryMember><gml:Polygon>
      <gml:exterior><gml:LinearRing><gml:posList>890000 6150000 890500 6150000 890500 6150500 890000 6150500 890000 6150000</gml:posList></gml:LinearRing></gml:exterior>
     </gml:Polygon></gml:geometryMember>
    </gml:MultiGeometry>
   </dagi10:geometri>
  </dagi10:Kommuneinddeling>
 </wfs:member>
</wfs:FeatureCollection>

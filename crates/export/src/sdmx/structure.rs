//! The structure message, SDMX-ML 3.0.

use std::io::Write;

use klimalade_model::{CodeList, Fault, Field, FieldType, Result, Schemas, Table};
use quick_xml::{
    Writer,
    events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event},
};

use super::{AGENCY, ATTRIBUTES, Component, DIMENSIONS, FLOW, MEASURE, TIME, VERSION, components};

const NAMESPACE: &str = "http://www.sdmx.org/resources/sdmxml/schemas/v3_0";
const CONCEPTS: &str = "KLIMALADE_CONCEPTS";
const URN: &str = "urn:sdmx:org.sdmx.infomodel";

/// The code list of a component.
pub(super) fn code_list<'a>(schemas: &'a Schemas, table: &Table, component: &Component) -> Option<&'a CodeList> {
    let name = field(schemas, table, component)?.codes.as_ref()?;
    // Simulated rows have source ids of their own, and a register may hold newer ones: an identifier, not a code.
    schemas.codes.get(name).filter(|_| component.column != "source_id")
}

fn field<'a>(schemas: &'a Schemas, table: &'a Table, component: &Component) -> Option<&'a Field> {
    let own = table.column(component.column).map(|column| &column.field);
    own.or_else(|| schemas.fields.get(component.column))
}

pub(super) fn write(
    out: impl Write,
    schemas: &Schemas,
    table: &Table,
    prepared: &str,
    is_simulated: bool,
) -> Result<()> {
    let mut message = Message {
        writer: Writer::new_with_indent(out, b' ', 1),
    };
    message
        .whole(schemas, table, prepared, is_simulated)
        .and_then(|()| message.writer.get_mut().flush())
        .map_err(|source| Fault::transient("the structure cannot be written").found(source.to_string()))
}

type Written = std::io::Result<()>;

struct Message<W: Write> {
    writer: Writer<W>,
}

impl<W: Write> Message<W> {
    fn whole(&mut self, schemas: &Schemas, table: &Table, prepared: &str, is_simulated: bool) -> Written {
        self.writer
            .write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        let namespaces = ["message", "structure", "common"].map(|name| format!("{NAMESPACE}/{name}"));
        let attributes = [
            ("xmlns:mes", namespaces[0].as_str()),
            ("xmlns:str", namespaces[1].as_str()),
            ("xmlns:com", namespaces[2].as_str()),
        ];
        self.within("mes:Structure", &attributes, |message| {
            message.within("mes:Header", &[], |message| {
                message.text("mes:ID", &[], "KLIMALADE_STRUCTURE")?;
                // What SDMX says of a message that holds no real figures.
                message.text("mes:Test", &[], if is_simulated { "true" } else { "false" })?;
                message.text("mes:Prepared", &[], prepared)?;
                message.empty("mes:Sender", &[("id", AGENCY)])
            })?;
            message.within("mes:Structures", &[], |message| {
                message.code_lists(schemas, table)?;
                message.concepts(schemas, table)?;
                message.data_structure(schemas, table)?;
                message.dataflow()
            })
        })
    }

    fn code_lists(&mut self, schemas: &Schemas, table: &Table) -> Written {
        self.within("str:Codelists", &[], |message| {
            let mut written: Vec<&str> = Vec::new();
            for list in components().filter_map(|component| code_list(schemas, table, component)) {
                if written.contains(&list.name.as_str()) {
                    continue;
                }
                written.push(&list.name);
                let id = list_id(list);
                message.maintained("str:Codelist", &id, |message| {
                    message.name("en", &format!("Klimalade: {}", list.name.replace('_', " ")))?;
                    for code in list.codes() {
                        message.code(list, code)?;
                    }
                    Ok(())
                })?;
            }
            Ok(())
        })
    }

    fn code(&mut self, list: &CodeList, code: &str) -> Written {
        self.within("str:Code", &[("id", code)], |message| {
            for (language, column) in [("en", "name_en"), ("da", "name_da")] {
                let name = list.get(code, column).filter(|name| !name.is_empty());
                message.name(language, name.unwrap_or(code))?;
            }
            match list.get(code, "parent_code") {
                Some(parent) if !parent.is_empty() => message.text("str:Parent", &[], parent),
                _ => Ok(()),
            }
        })
    }

    fn concepts(&mut self, schemas: &Schemas, table: &Table) -> Written {
        self.within("str:ConceptSchemes", &[], |message| {
            message.maintained("str:ConceptScheme", CONCEPTS, |message| {
                message.name("en", "Klimalade: concepts of the common schema")?;
                for component in components() {
                    message.within("str:Concept", &[("id", component.id)], |message| {
                        message.name("en", component.column)?;
                        let Some(field) = field(schemas, table, component) else {
                            return Ok(());
                        };
                        for (language, text) in [("en", &field.description_en), ("da", &field.description_da)] {
                            message.text("com:Description", &[("xml:lang", language)], text)?;
                        }
                        Ok(())
                    })?;
                }
                Ok(())
            })
        })
    }

    fn data_structure(&mut self, schemas: &Schemas, table: &Table) -> Written {
        self.within("str:DataStructures", &[], |message| {
            message.maintained("str:DataStructure", FLOW, |message| {
                message.name("en", &table.description_en)?;
                message.name("da", &table.description_da)?;
                message.within("str:DataStructureComponents", &[], |message| {
                    message.dimensions(schemas, table)?;
                    message.attributes(schemas, table)?;
                    message.within("str:MeasureList", &[("id", "MeasureDescriptor")], |message| {
                        message.within("str:Measure", &[("id", MEASURE.id), ("usage", "optional")], |message| {
                            message.concept_identity(&MEASURE)?;
                            message.local_representation(schemas, table, &MEASURE)
                        })
                    })
                })
            })
        })
    }

    fn dimensions(&mut self, schemas: &Schemas, table: &Table) -> Written {
        self.within("str:DimensionList", &[("id", "DimensionDescriptor")], |message| {
            for (position, dimension) in (1..).zip(&DIMENSIONS) {
                let position = position.to_string();
                message.within(
                    "str:Dimension",
                    &[("id", dimension.id), ("position", &position)],
                    |message| {
                        message.concept_identity(dimension)?;
                        message.local_representation(schemas, table, dimension)
                    },
                )?;
            }
            message.within("str:TimeDimension", &[("id", TIME.id)], |message| {
                message.concept_identity(&TIME)?;
                message.within("str:LocalRepresentation", &[], |message| {
                    message.empty("str:TextFormat", &[("textType", "ObservationalTimePeriod")])
                })
            })
        })
    }

    fn attributes(&mut self, schemas: &Schemas, table: &Table) -> Written {
        self.within("str:AttributeList", &[("id", "AttributeDescriptor")], |message| {
            for attribute in &ATTRIBUTES {
                let column = table.column(attribute.column);
                // The edition is the one common column that may be null.
                let is_always = column.map_or(attribute.column != "source_version", |column| column.required);
                let usage = if is_always { "mandatory" } else { "optional" };
                message.within("str:Attribute", &[("id", attribute.id), ("usage", usage)], |message| {
                    message.concept_identity(attribute)?;
                    message.local_representation(schemas, table, attribute)?;
                    message.within("str:AttributeRelationship", &[], |message| {
                        message.empty("str:Observation", &[])
                    })
                })?;
            }
            Ok(())
        })
    }

    fn dataflow(&mut self) -> Written {
        self.within("str:Dataflows", &[], |message| {
            message.maintained("str:Dataflow", FLOW, |message| {
                message.name("en", "Climate monitoring of the Danish municipalities: yearly figures")?;
                message.name("da", "Klimamonitorering af de danske kommuner: årlige tal")?;
                let structure = format!("{URN}.datastructure.DataStructure={AGENCY}:{FLOW}({VERSION})");
                message.text("str:Structure", &[], &structure)
            })
        })
    }

    fn concept_identity(&mut self, component: &Component) -> Written {
        let concept = format!(
            "{URN}.conceptscheme.Concept={AGENCY}:{CONCEPTS}({VERSION}).{}",
            component.id
        );
        self.text("str:ConceptIdentity", &[], &concept)
    }

    fn local_representation(&mut self, schemas: &Schemas, table: &Table, component: &Component) -> Written {
        self.within("str:LocalRepresentation", &[], |message| {
            if let Some(list) = code_list(schemas, table, component) {
                let list = format!("{URN}.codelist.Codelist={AGENCY}:{}({VERSION})", list_id(list));
                return message.text("str:Enumeration", &[], &list);
            }
            let kind = field(schemas, table, component).map(|field| field.kind);
            let text_type = match kind {
                Some(FieldType::Float64) => "Double",
                Some(FieldType::Date) => "GregorianDay",
                Some(FieldType::TimestampUtc) => "DateTime",
                _ => "String",
            };
            message.empty("str:TextFormat", &[("textType", text_type)])
        })
    }

    /// An artefact with an agency and a version.
    fn maintained(&mut self, tag: &str, id: &str, inner: impl FnOnce(&mut Self) -> Written) -> Written {
        let attributes = [
            ("id", id),
            ("agencyID", AGENCY),
            ("version", VERSION),
            ("isExternalReference", "false"),
        ];
        self.within(tag, &attributes, inner)
    }

    fn name(&mut self, language: &str, text: &str) -> Written {
        self.text("com:Name", &[("xml:lang", language)], text)
    }

    fn within(&mut self, tag: &str, attributes: &[(&str, &str)], inner: impl FnOnce(&mut Self) -> Written) -> Written {
        let start = BytesStart::new(tag).with_attributes(attributes.iter().copied());
        self.writer.write_event(Event::Start(start))?;
        inner(self)?;
        self.writer.write_event(Event::End(BytesEnd::new(tag)))
    }

    fn text(&mut self, tag: &str, attributes: &[(&str, &str)], text: &str) -> Written {
        self.within(tag, attributes, |message| {
            message.writer.write_event(Event::Text(BytesText::new(text)))
        })
    }

    fn empty(&mut self, tag: &str, attributes: &[(&str, &str)]) -> Written {
        let start = BytesStart::new(tag).with_attributes(attributes.iter().copied());
        self.writer.write_event(Event::Empty(start))
    }
}

/// `CL_SECTORS`; the three lists that are SDMX's own by content keep its names.
fn list_id(list: &CodeList) -> String {
    match list.name.as_str() {
        "frequencies" => "CL_FREQ".to_owned(),
        name => format!("CL_{}", name.to_uppercase()),
    }
}

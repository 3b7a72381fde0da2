use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::{
    dictionary::CODES,
    document::{Block, Cell, Document, Heading, Table},
    facts::{Said, said},
};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// A document as one page without a request to anywhere: Danish and English, with a switch and a search box. The policy of
/// the page allows its own style and script by their hashes and nothing else.
pub(crate) fn page(document: &Document) -> String {
    let mut out = String::new();
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"da\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<title>{} · {}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n",
        escaped(&document.title.da),
        escaped(&document.title.en)
    );
    top(&mut out, document);
    let mut open = 0;
    for block in &document.blocks {
        match block {
            Block::Heading(heading) => {
                while open >= heading.level - 1 && open > 0 {
                    out.push_str("</section>\n");
                    open -= 1;
                }
                let class = if heading.level == 2 { "part" } else { "item" };
                let _ = write!(
                    out,
                    "<section class=\"{class}\" id=\"{anchor}\" aria-labelledby=\"{anchor}-h\">\n<h{level} id=\"{anchor}-h\">{}</h{level}>\n",
                    spoken(&heading.text),
                    anchor = escaped(&heading.anchor),
                    level = heading.level
                );
                open += 1;
            }
            Block::Paragraph(text) => {
                let _ = writeln!(out, "<p>{}</p>", spoken(text));
            }
            Block::List(items) => list(&mut out, items),
            Block::Table(table) => of_table(&mut out, table),
        }
    }
    out.push_str(&"</section>\n".repeat(open));
    let _ = write!(out, "</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n");
    out
}

/// The head of the page: title, switch, search box, warning, and links to the parts.
fn top(out: &mut String, document: &Document) {
    let skip = spoken(&said("Til indholdet", "To the content"));
    let _ = write!(
        out,
        "<a class=\"skip\" href=\"#content\">{skip}</a>\n<header>\n<h1>{}</h1>\n\
         <div class=\"tools\"><div class=\"switch\" role=\"group\" aria-label=\"Sprog / Language\">\
         <button type=\"button\" data-language=\"da\" lang=\"da\" aria-pressed=\"true\">Dansk</button>\
         <button type=\"button\" data-language=\"en\" lang=\"en\" aria-pressed=\"false\">English</button></div>\
         <label class=\"search\" for=\"search\">{}</label><input id=\"search\" type=\"search\" autocomplete=\"off\">\
         <output id=\"found\" for=\"search\" aria-live=\"polite\"></output></div>\n",
        spoken(&document.title),
        spoken(&said("Søg", "Search"))
    );
    let parts = document.blocks.iter().filter_map(|block| match block {
        Block::Heading(heading) if heading.level == 2 => Some(heading),
        _ => None,
    });
    let link = |heading: &Heading| {
        format!(
            "<a href=\"#{}\">{}</a>",
            escaped(&heading.anchor),
            spoken(&heading.text)
        )
    };
    let links: Vec<String> = parts.map(link).collect();
    let _ = write!(
        out,
        "<nav aria-label=\"Indhold / Contents\">{}</nav>\n</header>\n<main id=\"content\">\n",
        links.join("")
    );
    if let Some(warning) = &document.warning {
        let _ = writeln!(out, "<p class=\"warning\" role=\"note\">{}</p>", spoken(warning));
    }
}

fn list(out: &mut String, items: &[Vec<Cell>]) {
    out.push_str("<ul>\n");
    for item in items {
        let cells: String = item.iter().map(of_cell).collect();
        let _ = writeln!(out, "<li>{cells}</li>");
    }
    out.push_str("</ul>\n");
}

fn of_table(out: &mut String, table: &Table) {
    let is_codes = table.kind == CODES;
    if is_codes {
        let _ = writeln!(
            out,
            "<details><summary>{}</summary>",
            spoken(&said(
                format!("Vis {} koder", table.rows.len()),
                format!("Show {} codes", table.rows.len())
            ))
        );
    }
    let _ = write!(
        out,
        "<div class=\"frame\"><table class=\"{}\">\n<thead><tr>",
        table.kind
    );
    for name in &table.head {
        let _ = write!(out, "<th scope=\"col\">{}</th>", spoken(name));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        out.push_str("<tr>");
        for (at, (cell, name)) in row.iter().zip(&table.head).enumerate() {
            let content = of_cell(cell);
            match (at, is_codes, content.is_empty()) {
                (0, _, _) => {
                    let _ = write!(out, "<th scope=\"row\">{content}</th>");
                }
                // On a phone a row is a card and each cell says what it is; an empty one is left out.
                (_, false, true) => out.push_str("<td class=\"none\"></td>"),
                (_, false, false) => {
                    let _ = write!(out, "<td><b class=\"label\">{}</b>{content}</td>", spoken(name));
                }
                (_, true, _) => {
                    let _ = write!(out, "<td>{content}</td>");
                }
            }
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table></div>\n");
    if is_codes {
        out.push_str("</details>\n");
    }
}

fn of_cell(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => escaped(text),
        Cell::Code(name) => code(name),
        Cell::Codes(names) => names.iter().map(|name| code(name)).collect::<Vec<_>>().join(", "),
        Cell::Label(text) | Cell::Meaning(text) => spoken(text),
        Cell::Link { to, text } => format!("<a href=\"#{}\">{}</a>", escaped(to), escaped(text)),
        Cell::Address(address) => format!("<a href=\"{0}\" rel=\"noreferrer\">{0}</a>", escaped(address)),
    }
}

/// A name that may be broken after an underscore.
fn code(name: &str) -> String {
    format!(
        "<code>{}</code>",
        escaped(name).replace('_', "_<wbr>").replace(':', ":<wbr>")
    )
}

/// A text in both languages, of which one is shown; `code` in backticks.
fn spoken(text: &Said) -> String {
    if text.da == text.en {
        return marked(&text.da);
    }
    format!(
        "<span lang=\"da\">{}</span><span lang=\"en\">{}</span>",
        marked(&text.da),
        marked(&text.en)
    )
}

fn marked(text: &str) -> String {
    let pieces = text.split('`').enumerate();
    pieces
        .map(|(at, piece)| if at % 2 == 1 { code(piece) } else { escaped(piece) })
        .collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// SHA-256 in base64, as a content security policy wants it.
fn hash(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digest = Sha256::digest(text.as_bytes());
    let mut out = String::new();
    for three in digest.chunks(3) {
        let bits = three
            .iter()
            .enumerate()
            .fold(0_u32, |bits, (at, byte)| bits | u32::from(*byte) << (16 - 8 * at));
        for at in 0..4 {
            match at <= three.len() {
                true => out.push(char::from(LETTERS[(bits >> (18 - 6 * at)) as usize & 63])),
                false => out.push('='),
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_what_a_browser_computes() {
        // The example of the Content Security Policy's own text.
        assert_eq!(
            hash("alert('Hello, world.');"),
            "qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng="
        );
    }

    #[test]
    fn what_looks_like_html_in_a_text_is_text() {
        let mut document = Document::new(said("<b>", "&"), None);
        document.push(Block::Paragraph(said("<script>alert(1)</script>", "a `b_c` \"d\"")));
        let page = page(&document);
        assert!(
            !page.contains("<script>alert") && page.contains("&lt;script&gt;alert(1)"),
            "{page}"
        );
        assert!(page.contains("<code>b_<wbr>c</code> &quot;d&quot;"), "{page}");
    }

    #[test]
    fn the_page_asks_nobody_for_anything() {
        let page = page(&Document::new(said("a", "b"), None));
        assert!(
            !page.contains("src=\"") && !page.contains("url(") && !page.contains("@import"),
            "{page}"
        );
        assert!(page.contains("default-src 'none'"), "{page}");
    }
}

//! Marks as few bytes: a site has some hundred charts, and plotters says the same of each mark.

use super::{GRID, hex};

/// Points as the outline of a path: steps from one to the next.
pub(crate) fn outline(points: &[(i64, i64)]) -> String {
    let Some(((x, y), rest)) = points.split_first() else {
        return String::new();
    };
    let mut text = format!("M{x} {y}");
    let (mut before, mut is_line) = ((*x, *y), false);
    for point in rest {
        let (x, y) = (point.0 - before.0, point.1 - before.1);
        match (x, y) {
            (0, 0) => {}
            (x, 0) => text.push_str(&format!("h{x}")),
            (0, y) => text.push_str(&format!("v{y}")),
            (x, y) => {
                // After a step of the same kind its letter is implied, and a minus parts two numbers.
                let letter = if is_line && x < 0 { "" } else { "l" };
                text.push_str(&format!("{letter}{x}{}{y}", if y < 0 { "" } else { " " }));
            }
        }
        is_line = if (x, y) == (0, 0) { is_line } else { x != 0 && y != 0 };
        before = *point;
    }
    text
}

/// What is written between the tags of plotters' SVG, mark by mark.
fn elements(svg: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = svg;
    while let Some(from) = rest.find('<') {
        rest = &rest[from..];
        let end = if rest.starts_with("<text") { "</text>" } else { "/>" };
        let Some(to) = rest.find(end).map(|at| at + end.len()) else {
            break;
        };
        let (element, after) = rest.split_at(to);
        found.push(element);
        rest = after;
    }
    found
}

fn attribute<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = element.split_once(&format!(" {name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

fn numbers<const N: usize>(element: &str, names: [&str; N]) -> Option<[i64; N]> {
    let mut all = [0; N];
    for (number, name) in all.iter_mut().zip(names) {
        *number = attribute(element, name)?.parse().ok()?;
    }
    Some(all)
}

/// The points of a line or polyline.
fn points(element: &str) -> Option<Vec<(i64, i64)>> {
    if let Some([x1, y1, x2, y2]) = numbers(element, ["x1", "y1", "x2", "y2"]) {
        return Some(vec![(x1, y1), (x2, y2)]);
    }
    let pair = |pair: &str| {
        let (x, y) = pair.split_once(',')?;
        Some((x.parse().ok()?, y.parse().ok()?))
    };
    attribute(element, "points")?.split_whitespace().map(pair).collect()
}

/// Marks of one colour.
type Coloured<'a> = Vec<(&'a str, String)>;

fn add<'a>(groups: &mut Coloured<'a>, color: &'a str, mark: &str) {
    match groups.iter_mut().find(|(known, _)| *known == color) {
        Some((_, marks)) => marks.push_str(mark),
        None => groups.push((color, mark.to_owned())),
    }
}

/// The marks of a chart: the grid is one path, the bars of a colour are another, lines and dots share what they have alike. Size and
/// colour of texts stand in the style sheet. What is not known stays as plotters wrote it.
pub(super) fn grouped(svg: &str) -> String {
    let grid_color = hex(GRID).to_uppercase();
    let (mut grid, mut lines, mut others) = (String::new(), String::new(), String::new());
    let (mut bars, mut dots): (Coloured, Coloured) = (Vec::new(), Vec::new());
    for element in elements(svg) {
        let color = attribute(element, "stroke").unwrap_or_default();
        let fill = attribute(element, "fill").unwrap_or_default();
        let known = match element.split([' ', '>']).next().unwrap_or_default() {
            "<line" | "<polyline" if color == grid_color => {
                points(element).map(|points| grid.push_str(&outline(&points)))
            }
            "<polyline" if attribute(element, "stroke-width") == Some("3") => points(element).map(|points| {
                let dashes = attribute(element, "stroke-dasharray");
                let dashes = dashes.map(|dashes| format!(" stroke-dasharray=\"{dashes}\""));
                let dashes = dashes.unwrap_or_default();
                lines.push_str(&format!(
                    "<path stroke=\"{color}\"{dashes} d=\"{}\"/>",
                    outline(&points)
                ));
            }),
            "<rect" => numbers(element, ["x", "y", "width", "height"]).map(|[x, y, width, height]| {
                add(&mut bars, fill, &format!("M{x} {y}h{width}v{height}H{x}z"));
            }),
            "<circle" => numbers(element, ["cx", "cy", "r"]).map(|[x, y, r]| {
                add(&mut dots, fill, &format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\"/>"));
            }),
            _ => None,
        };
        if known.is_none() {
            others.push_str(&plain(element));
        }
    }
    let mut text = String::new();
    if !grid.is_empty() {
        text.push_str(&format!("<path fill=\"none\" stroke=\"{grid_color}\" d=\"{grid}\"/>"));
    }
    if !bars.is_empty() {
        let bars = bars
            .iter()
            .map(|(fill, bars)| format!("<path fill=\"{fill}\" d=\"{bars}\"/>"));
        text.push_str(&format!("<g stroke=\"#fff\">{}</g>", bars.collect::<String>()));
    }
    text.push_str(&others);
    if !lines.is_empty() {
        text.push_str(&format!("<g fill=\"none\" stroke-width=\"3\">{lines}</g>"));
    }
    for (fill, dots) in dots {
        text.push_str(&format!("<g fill=\"{fill}\">{dots}</g>"));
    }
    text
}

/// What plotters writes and nothing needs: opacity 1, stroke widths of 1, the font, line breaks.
fn plain(element: &str) -> String {
    let mut text = element.replace('\n', "");
    for what in [
        " opacity=\"1\"",
        " stroke-width=\"1\"",
        " font-family=\"sans-serif\"",
        " font-size=\"13.709677419354838\"",
        " fill=\"#5C6675\"",
        " text-anchor=\"start\"",
    ] {
        text = text.replace(what, "");
    }
    text.replace(" />", "/>").replace(" \"/>", "\"/>")
}

/// The line and the dot of a sparkline; their looks stand in the style sheet.
pub(super) fn of_spark(svg: &str) -> String {
    let mut text = String::new();
    for element in elements(svg) {
        if let Some(points) = points(element) {
            text.push_str(&format!("<path d=\"{}\"/>", outline(&points)));
        } else if let Some([x, y]) = numbers(element, ["cx", "cy"]) {
            text.push_str(&format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"3\"/>"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outline_is_steps_and_says_no_letter_twice_where_a_minus_parts_them() {
        assert_eq!(
            outline(&[(4, 14), (59, 14), (59, 20), (55, 18), (50, 25), (50, 25), (60, 30)]),
            "M4 14h55v6l-4-2-5 7l10 5"
        );
    }

    #[test]
    fn marks_of_a_chart_are_put_together_and_none_is_lost() {
        let svg = "<line opacity=\"1\" stroke=\"#DEE2E8\" stroke-width=\"1\" x1=\"52\" y1=\"9\" x2=\"60\" y2=\"9\"/>\n\
            <text x=\"4\" y=\"4\" dy=\"0.76em\" text-anchor=\"start\" font-family=\"sans-serif\" opacity=\"1\" fill=\"#5C6675\">\nton\n</text>\n\
            <polyline fill=\"none\" opacity=\"1\" stroke=\"#0072B2\" stroke-width=\"3\" points=\"1,2 3,4 \"/>\n\
            <rect x=\"1\" y=\"2\" width=\"3\" height=\"4\" opacity=\"1\" fill=\"#009E73\" stroke=\"none\"/>\n\
            <rect x=\"9\" y=\"2\" width=\"3\" height=\"4\" opacity=\"1\" fill=\"#009E73\" stroke=\"none\"/>\n\
            <circle cx=\"1\" cy=\"2\" r=\"5\" opacity=\"1\" fill=\"#1D2430\" stroke=\"none\"/>";
        assert_eq!(
            grouped(svg),
            "<path fill=\"none\" stroke=\"#DEE2E8\" d=\"M52 9h8\"/>\
             <g stroke=\"#fff\"><path fill=\"#009E73\" d=\"M1 2h3v4H1zM9 2h3v4H9z\"/></g>\
             <text x=\"4\" y=\"4\" dy=\"0.76em\">ton</text>\
             <g fill=\"none\" stroke-width=\"3\"><path stroke=\"#0072B2\" d=\"M1 2l2 2\"/></g>\
             <g fill=\"#1D2430\"><circle cx=\"1\" cy=\"2\" r=\"5\"/></g>"
        );
    }
}

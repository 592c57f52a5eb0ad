//! Charts: bars with ranges, and lines over axes.
//!
//! Owns where things stand in a picture. Must not know where the numbers come from.

use super::svg::{Anchor, Canvas, FAINT, HEADING, PLAIN, Point};
use crate::report::number;
use crate::stats::Series;

/// One picture.
#[derive(Debug)]
pub(super) struct Chart {
    /// What it shows.
    pub(super) title: String,
    /// One below the other.
    pub(super) panels: Vec<Panel>,
}

/// A part of a picture.
#[derive(Debug)]
pub(super) enum Panel {
    /// Bars, the longest of which fills the width.
    Bars(Vec<Bar>),
    /// Lines.
    Lines(Lines),
}

/// A bar: the median of a series, and how far its runs lie apart.
#[derive(Debug)]
pub(super) struct Bar {
    /// What it stands for.
    pub(super) name: String,
    /// The runs.
    pub(super) series: Series,
    /// What is said beside the value.
    pub(super) note: String,
}

/// Lines over one pair of axes.
#[derive(Debug)]
pub(super) struct Lines {
    /// What lies along the axis below, with its unit.
    pub(super) across: &'static str,
    /// What lies along the axis on the left, with its unit.
    pub(super) up: &'static str,
    /// How both are divided.
    pub(super) scale: Scale,
    /// The lines, by name.
    pub(super) drawn: Vec<(String, Vec<Point>)>,
}

/// How axes are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// Evenly, with zero among the values.
    Even,
    /// By powers of ten.
    Powers,
}

impl Chart {
    /// As the text of an SVG.
    pub(super) fn svg(&self) -> String {
        let mut canvas = Canvas::default();
        canvas.text((MARGIN, 28.0), Anchor::Start, HEADING, &self.title);
        let mut top = 44.0;
        for panel in &self.panels {
            top += match panel {
                Panel::Bars(bars) => draw_bars(&mut canvas, top, bars),
                Panel::Lines(lines) => lines.draw(&mut canvas, top),
            };
        }
        canvas.finish((WIDTH, top + 8.0), &self.title)
    }
}

/// Draws bars from `top` on; how high they are together.
fn draw_bars(canvas: &mut Canvas, top: f64, bars: &[Bar]) -> f64 {
    let most = bars.iter().map(|bar| bar.series.most()).fold(f64::MIN_POSITIVE, f64::max);
    let across = |value: f64| BAR_LEFT + BAR_WIDTH * value / most;
    let mut y = top;
    for (Bar { name, series, note }, colour) in bars.iter().zip(COLOURS.iter().cycle()) {
        let middle = y + BAR_HEIGHT / 2.0;
        let value = series.median();
        canvas.text((BAR_LEFT - 8.0, middle + 4.0), Anchor::End, PLAIN, name);
        let size = (across(value) - BAR_LEFT, BAR_HEIGHT - 8.0);
        canvas.fill((BAR_LEFT, y + 4.0), size, colour);
        let (least, most) = (across(series.least()), across(series.most()));
        if most - least >= 1.0 {
            canvas.rule((least, middle), (most, middle), WHISKER);
            for end in [least, most] {
                canvas.rule((end, middle - 4.0), (end, middle + 4.0), WHISKER);
            }
        }
        let said = format!("{} {}", number(value), series.unit);
        canvas.text((most + 8.0, middle), Anchor::Start, PLAIN, &said);
        canvas.text((most + 8.0, middle + 13.0), Anchor::Start, FAINT, note);
        y += BAR_HEIGHT;
    }
    y - top
}

impl Lines {
    /// Draws them from `top` on; how high they are.
    fn draw(&self, canvas: &mut Canvas, top: f64) -> f64 {
        let points = || self.drawn.iter().flat_map(|(_, points)| points);
        let x = Axis::over(points().map(|point| point.0), self.scale, (LEFT, RIGHT));
        let upper = top + 44.0;
        let lower = upper + PANEL_HEIGHT;
        let y = Axis::over(points().map(|point| point.1), self.scale, (lower, upper));
        canvas.text((MARGIN, top + 14.0), Anchor::Start, PLAIN, self.up);
        self.draw_legend(canvas, top + 32.0);
        for tick in y.ticks() {
            let height = y.place(tick);
            canvas.rule((LEFT, height), (RIGHT, height), GRID);
            canvas.text((LEFT - 8.0, height + 4.0), Anchor::End, FAINT, &short(tick));
        }
        for tick in x.ticks() {
            let place = x.place(tick);
            canvas.rule((place, lower), (place, lower + 4.0), WHISKER);
            canvas.text((place, lower + 18.0), Anchor::Middle, FAINT, &short(tick));
        }
        canvas.rule((LEFT, lower), (RIGHT, lower), WHISKER);
        let middle = f64::midpoint(LEFT, RIGHT);
        canvas.text((middle, lower + 36.0), Anchor::Middle, PLAIN, self.across);
        for ((_, points), colour) in self.drawn.iter().zip(COLOURS.iter().cycle()) {
            let places: Vec<Point> =
                points.iter().map(|point| (x.place(point.0), y.place(point.1))).collect();
            canvas.path(&places, colour);
            if places.len() <= FEW {
                for place in &places {
                    canvas.dot(*place, colour);
                }
            }
        }
        lower + 52.0 - top
    }

    fn draw_legend(&self, canvas: &mut Canvas, y: f64) {
        let mut x = LEFT;
        for ((name, _), colour) in self.drawn.iter().zip(COLOURS.iter().cycle()) {
            canvas.fill((x, y - 6.0), (16.0, 4.0), colour);
            canvas.text((x + 21.0, y), Anchor::Start, FAINT, name);
            let letters = u32::try_from(name.chars().count()).unwrap_or(u32::MAX);
            x += 40.0 + LETTER * f64::from(letters);
        }
    }
}

/// An axis: which values it spans, and where.
struct Axis {
    scale: Scale,
    least: f64,
    most: f64,
    from: f64,
    to: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64>, scale: Scale, (from, to): Point) -> Self {
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|value| value.is_finite()) {
            least = least.min(value);
            most = most.max(value);
        }
        let (least, most) = match scale {
            Scale::Even => (least.min(0.0), most.max(f64::MIN_POSITIVE)),
            Scale::Powers => {
                let low = least.max(f64::MIN_POSITIVE).log10().floor();
                (low, most.max(f64::MIN_POSITIVE).log10().ceil().max(low + 1.0))
            }
        };
        let mut axis = Self { scale, least, most, from, to };
        if scale == Scale::Even {
            let step = axis.step();
            axis.least = (least / step).floor() * step;
            axis.most = (most / step).ceil() * step;
        }
        axis
    }

    fn place(&self, value: f64) -> f64 {
        let value = match self.scale {
            Scale::Even => value,
            Scale::Powers => value.max(f64::MIN_POSITIVE).log10(),
        };
        self.from + (self.to - self.from) * (value - self.least) / (self.most - self.least)
    }

    fn ticks(&self) -> Vec<f64> {
        let step = self.step();
        let count = (0..=TICKS_MAX).map(|number| self.least + f64::from(number) * step);
        let within = count.take_while(|tick| *tick <= self.most + step / 1e3);
        match self.scale {
            Scale::Even => within.collect(),
            Scale::Powers => within.map(|power| 10_f64.powf(power)).collect(),
        }
    }

    /// How far ticks lie apart: a round number.
    fn step(&self) -> f64 {
        if self.scale == Scale::Powers {
            return 1.0;
        }
        let rough = (self.most - self.least) / TICKS;
        let power = 10_f64.powf(rough.log10().floor());
        let round = [1.0, 2.0, 5.0, 10.0].into_iter().find(|round| round * power >= rough);
        round.unwrap_or(10.0) * power
    }
}

/// A round number, as short as it can be said.
fn short(value: f64) -> String {
    let (value, unit) = match value.abs() {
        millions if millions >= 1e6 => (value / 1e6, "M"),
        thousands if thousands >= 1e4 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let text = format!("{value:.6}");
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

const WIDTH: f64 = 760.0;
const MARGIN: f64 = 20.0;
/// Ends of the axis across.
const LEFT: f64 = 70.0;
const RIGHT: f64 = 735.0;
/// Where bars begin, and the room for the longest.
const BAR_LEFT: f64 = 230.0;
const BAR_WIDTH: f64 = 300.0;
const BAR_HEIGHT: f64 = 34.0;
const PANEL_HEIGHT: f64 = 180.0;
/// Lines of so few points show each of them.
const FEW: usize = 12;
/// About so many ticks, and never more than that.
const TICKS: f64 = 5.0;
const TICKS_MAX: u32 = 24;
/// About the width of a letter.
const LETTER: f64 = 5.8;
const GRID: &str = "#e4e7eb";
const WHISKER: &str = "#1f2328";
/// Colours that people with any kind of sight can tell apart.
const COLOURS: [&str; 7] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6e7781"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_hold_every_value() {
        let axis = |values: &[f64], scale| Axis::over(values.iter().copied(), scale, (0.0, 100.0));
        let even = axis(&[3.0, 47.0], Scale::Even);
        assert_eq!(even.ticks(), [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]);
        assert!((even.place(25.0) - 50.0).abs() < 1e-9);
        assert_eq!(axis(&[-90.0, 90.0], Scale::Even).ticks(), [-100.0, -50.0, 0.0, 50.0, 100.0]);
        let powers = axis(&[20.0, 900.0], Scale::Powers);
        assert_eq!(powers.ticks().len(), 3);
        assert!((powers.place(100.0) - 50.0).abs() < 1e-9);
    }

    #[test]
    fn round_numbers_are_short() {
        let texts = [0.0, 0.2, 10.0, 1_000.0, 25_000.0, 10_000_000.0].map(short);
        assert_eq!(texts, ["0", "0.2", "10", "1000", "25k", "10M"]);
    }

    #[test]
    fn a_chart_of_nothing_is_still_a_picture() {
        let lines = Lines { across: "x", up: "y", scale: Scale::Even, drawn: Vec::new() };
        let panels = vec![Panel::Lines(lines), Panel::Bars(Vec::new())];
        let svg = Chart { title: "none".to_owned(), panels }.svg();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}

// Grids of levels: matrices of weights as cells, and the function of a neuron as a map or a curve inside its disc. Each
// instance is one patch of the bound grid; the fragment stage looks up the levels.

struct Patch {
    // Left, top, right, bottom, in world units.
    @location(0) rect: vec4f,
    // First column and row, then the number of columns and rows.
    @location(1) source: vec4f,
    // Form (0 cells, 1 plane, 2 curve), alpha, probe as fractions of the rectangle (negative for none).
    @location(2) style: vec4f,
}

struct Varying {
    @builtin(position) position: vec4f,
    // Position in the rectangle, 0 to 1 from the top left.
    @location(0) fraction: vec2f,
    @location(1) @interpolate(flat) source: vec4f,
    @location(2) @interpolate(flat) style: vec4f,
    // Size of the rectangle in pixels.
    @location(3) @interpolate(flat) size: vec2f,
}

@group(1) @binding(0) var levels: texture_2d<f32>;
// Colours of the levels −127 to 127, then of the background and of lines.
@group(1) @binding(1) var colors: texture_2d<f32>;

@vertex
fn vertex(@builtin(vertex_index) corner: u32, patch_: Patch) -> Varying {
    let fraction = vec2f(f32(corner & 1u), f32(corner >> 1u));
    let pixel = mix(patch_.rect.xy, patch_.rect.zw, fraction) * camera.scale + camera.origin;
    var out: Varying;
    let ndc = pixel / camera.target_size * 2.0 - 1.0;
    out.position = vec4f(ndc.x, -ndc.y, 0.0, 1.0);
    out.fraction = fraction;
    out.source = patch_.source;
    out.style = patch_.style;
    out.size = (patch_.rect.zw - patch_.rect.xy) * camera.scale;
    return out;
}

// The level of a cell, clamped to the patch.
fn level_at(source: vec4f, cell: vec2f) -> f32 {
    let inside = clamp(cell, vec2f(0.0), source.zw - 1.0);
    return textureLoad(levels, vec2i(source.xy + inside), 0).r;
}

fn color_of(level: f32) -> vec4f {
    return textureLoad(colors, vec2i(i32(round(clamp(level, -1.0, 1.0) * 127.0)) + 127, 0), 0);
}

fn background_color() -> vec4f {
    return textureLoad(colors, vec2i(255, 0), 0);
}

fn line_color() -> vec4f {
    return textureLoad(colors, vec2i(256, 0), 0);
}

// Blends one colour over another.
fn over(top: vec4f, amount: f32, below: vec4f) -> vec4f {
    return mix(below, top, clamp(amount, 0.0, 1.0));
}

// The cell at a pixel, or the strongest cell if several share the pixel.
fn cells(in: Varying) -> vec4f {
    let per_pixel = in.source.zw / max(in.size, vec2f(1.0));
    let at = in.fraction * in.source.zw;
    let count = clamp(ceil(per_pixel), vec2f(1.0), vec2f(16.0));
    let first = floor(at - 0.5 * (count - 1.0));
    var strongest = 0.0;
    for (var row = 0.0; row < count.y; row += 1.0) {
        for (var column = 0.0; column < count.x; column += 1.0) {
            let level = level_at(in.source, first + vec2f(column, row));
            if abs(level) > abs(strongest) {
                strongest = level;
            }
        }
    }
    var color = color_of(strongest);
    // Separate cells by lines if they are large enough.
    let pixels = 1.0 / per_pixel;
    if min(pixels.x, pixels.y) > 6.0 * camera.density {
        let offset = fract(at) * pixels;
        let edge = min(min(offset.x, offset.y), min(pixels.x - offset.x, pixels.y - offset.y));
        color = over(background_color(), 1.0 - edge / (0.5 * camera.density), color);
    }
    return color;
}

// The level at a fractional position, interpolated bilinearly.
fn smooth_level(source: vec4f, fraction: vec2f) -> f32 {
    let at = fraction * (source.zw - 1.0);
    let low = floor(at);
    let part = at - low;
    let top = mix(level_at(source, low), level_at(source, low + vec2f(1.0, 0.0)), part.x);
    let bottom = mix(level_at(source, low + vec2f(0.0, 1.0)), level_at(source, low + vec2f(1.0, 1.0)), part.x);
    return mix(top, bottom, part.y);
}

@fragment
fn fragment(in: Varying) -> @location(0) vec4f {
    let radius = 0.5 * in.size.x;
    let offset = (in.fraction * 2.0 - 1.0) * radius;
    if in.style.x < 0.5 {
        return cells(in) * in.style.y;
    }
    let level = smooth_level(in.source, in.fraction);
    var color: vec4f;
    var probe = vec2f(in.style.z, in.style.w) * 2.0 - 1.0;
    if in.style.x < 1.5 {
        color = color_of(level);
        // Draw the zero contour.
        let pixel = camera.density / in.size;
        let left = smooth_level(in.source, in.fraction - vec2f(pixel.x, 0.0));
        let right = smooth_level(in.source, in.fraction + vec2f(pixel.x, 0.0));
        let top = smooth_level(in.source, in.fraction - vec2f(0.0, pixel.y));
        let bottom = smooth_level(in.source, in.fraction + vec2f(0.0, pixel.y));
        if left * right < 0.0 || top * bottom < 0.0 {
            let steepness = 0.5 * length(vec2f(right - left, bottom - top));
            color = over(line_color(), 0.6 * (1.5 - abs(level) / max(steepness, 1e-5)), color);
        }
    } else {
        // The curve uses the area above the number at the centre of the disc.
        let middle = -0.19;
        let reach = 0.56;
        let h = middle - level * reach;
        let pixel = vec2f(1.0 / in.size.x, 0.0);
        let rise = smooth_level(in.source, in.fraction + pixel) - smooth_level(in.source, in.fraction - pixel);
        let slope = 0.5 * reach * rise * radius;
        let y = offset.y / radius;
        let zero = abs(y - middle) * radius;
        color = background_color();
        let strong = color_of(sign(level) * max(abs(level), 0.55));
        if (y - middle) * (y - h) < 0.0 {
            color = over(strong, 0.4, color);
        }
        color = over(line_color(), 0.3 * (camera.density - zero), color);
        let far = abs(y - h) * radius / sqrt(1.0 + slope * slope);
        color = over(strong, 1.4 * camera.density - far, color);
        probe.y = middle - reach * smooth_level(in.source, vec2f(in.style.z, 0.0));
    }
    if in.style.z >= 0.0 {
        let far = length(offset - probe * radius) / camera.density;
        color = over(background_color(), 3.9 - far, color);
        color = over(line_color(), 2.7 - far, color);
    }
    let d = length(offset);
    let covered = clamp(radius - d + 0.5, 0.0, 1.0);
    return color * (covered * in.style.y);
}

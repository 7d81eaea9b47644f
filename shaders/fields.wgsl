// Grids of levels as areas: matrices of weights as cells, and what a neuron computes as a map or a curve inside its
// disc. Each instance is one patch of the grid that is bound; the fragment stage looks its levels up.

struct Patch {
    // Left, top, right, bottom, in world units.
    @location(0) place: vec4f,
    // First column and row, then their numbers.
    @location(1) source: vec4f,
    // Form (0 cells, 1 plane, 2 curve), alpha, probe as shares of the place (negative for none).
    @location(2) style: vec4f,
}

struct Varying {
    @builtin(position) position: vec4f,
    // 0 to 1 from the left top.
    @location(0) share: vec2f,
    @location(1) @interpolate(flat) source: vec4f,
    @location(2) @interpolate(flat) style: vec4f,
    // Size of the place in pixels.
    @location(3) @interpolate(flat) size: vec2f,
}

@group(1) @binding(0) var levels: texture_2d<f32>;
// The ramp's colours from −127 to 127, then the ground and the ink of lines.
@group(1) @binding(1) var colors: texture_2d<f32>;

@vertex
fn vertex(@builtin(vertex_index) corner: u32, patch_: Patch) -> Varying {
    let share = vec2f(f32(corner & 1u), f32(corner >> 1u));
    let pixel = mix(patch_.place.xy, patch_.place.zw, share) * camera.scale + camera.origin;
    var out: Varying;
    let ndc = pixel / camera.target_size * 2.0 - 1.0;
    out.position = vec4f(ndc.x, -ndc.y, 0.0, 1.0);
    out.share = share;
    out.source = patch_.source;
    out.style = patch_.style;
    out.size = (patch_.place.zw - patch_.place.xy) * camera.scale;
    return out;
}

fn level_at(source: vec4f, cell: vec2f) -> f32 {
    let inside = clamp(cell, vec2f(0.0), source.zw - 1.0);
    return textureLoad(levels, vec2i(source.xy + inside), 0).r;
}

fn color_of(level: f32) -> vec4f {
    return textureLoad(colors, vec2i(i32(round(clamp(level, -1.0, 1.0) * 127.0)) + 127, 0), 0);
}

fn ground() -> vec4f {
    return textureLoad(colors, vec2i(255, 0), 0);
}

fn ink() -> vec4f {
    return textureLoad(colors, vec2i(256, 0), 0);
}

fn over(top: vec4f, amount: f32, below: vec4f) -> vec4f {
    return mix(below, top, clamp(amount, 0.0, 1.0));
}

// The cell under a pixel, or the strongest of those that share it.
fn cells(in: Varying) -> vec4f {
    let per_pixel = in.source.zw / max(in.size, vec2f(1.0));
    let at = in.share * in.source.zw;
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
    // Lines between cells that are large enough.
    let pixels = 1.0 / per_pixel;
    if min(pixels.x, pixels.y) > 6.0 * camera.density {
        let place = fract(at) * pixels;
        let edge = min(min(place.x, place.y), min(pixels.x - place.x, pixels.y - place.y));
        color = over(ground(), 1.0 - edge / (0.5 * camera.density), color);
    }
    return color;
}

fn smooth_level(source: vec4f, share: vec2f) -> f32 {
    let at = share * (source.zw - 1.0);
    let low = floor(at);
    let part = at - low;
    let top = mix(level_at(source, low), level_at(source, low + vec2f(1.0, 0.0)), part.x);
    let bottom = mix(level_at(source, low + vec2f(0.0, 1.0)), level_at(source, low + vec2f(1.0, 1.0)), part.x);
    return mix(top, bottom, part.y);
}

@fragment
fn fragment(in: Varying) -> @location(0) vec4f {
    let radius = 0.5 * in.size.x;
    let place = (in.share * 2.0 - 1.0) * radius;
    if in.style.x < 0.5 {
        return cells(in) * in.style.y;
    }
    let level = smooth_level(in.source, in.share);
    var color: vec4f;
    var probe = vec2f(in.style.z, in.style.w) * 2.0 - 1.0;
    if in.style.x < 1.5 {
        color = color_of(level);
        // The line on which the neuron changes its sign.
        let pixel = camera.density / in.size;
        let left = smooth_level(in.source, in.share - vec2f(pixel.x, 0.0));
        let right = smooth_level(in.source, in.share + vec2f(pixel.x, 0.0));
        let top = smooth_level(in.source, in.share - vec2f(0.0, pixel.y));
        let bottom = smooth_level(in.source, in.share + vec2f(0.0, pixel.y));
        if left * right < 0.0 || top * bottom < 0.0 {
            let steepness = 0.5 * length(vec2f(right - left, bottom - top));
            color = over(ink(), 0.6 * (1.5 - abs(level) / max(steepness, 1e-5)), color);
        }
    } else {
        // Heights run from the top of the disc to where its number stands.
        let middle = -0.19;
        let reach = 0.56;
        let h = middle - level * reach;
        let pixel = vec2f(1.0 / in.size.x, 0.0);
        let rise = smooth_level(in.source, in.share + pixel) - smooth_level(in.source, in.share - pixel);
        let slope = 0.5 * reach * rise * radius;
        let y = place.y / radius;
        let zero = abs(y - middle) * radius;
        color = ground();
        let strong = color_of(sign(level) * max(abs(level), 0.55));
        if (y - middle) * (y - h) < 0.0 {
            color = over(strong, 0.4, color);
        }
        color = over(ink(), 0.3 * (camera.density - zero), color);
        let far = abs(y - h) * radius / sqrt(1.0 + slope * slope);
        color = over(strong, 1.4 * camera.density - far, color);
        probe.y = middle - reach * smooth_level(in.source, vec2f(in.style.z, 0.0));
    }
    if in.style.z >= 0.0 {
        let far = length(place - probe * radius) / camera.density;
        color = over(ground(), 3.9 - far, color);
        color = over(ink(), 2.7 - far, color);
    }
    let d = length(place);
    let whole = clamp(radius - d + 0.5, 0.0, 1.0);
    return color * (whole * in.style.y);
}

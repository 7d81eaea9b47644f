// Connections, drawn as capsules. Each instance is one edge; the vertex stage builds a quad around it. The fragment
// stage measures the distance to the centre line, so that edges are smooth at every zoom without MSAA.

struct Edge {
    @location(0) ends: vec4f,
    // Width, previous width (negative for none), glow, style (bit 0: negative value, bit 1: frozen).
    @location(1) shape: vec4f,
    // Premultiplied.
    @location(2) color: vec4f,
    @location(3) glow_color: vec4f,
}

struct Varying {
    @builtin(position) position: vec4f,
    // Position along and across the edge, in pixels from its start.
    @location(0) offset: vec2f,
    // Length, half width, half previous width (negative for none), glow radius.
    @location(1) @interpolate(flat) shape: vec4f,
    @location(2) @interpolate(flat) color: vec4f,
    @location(3) @interpolate(flat) glow_color: vec4f,
    // Dash length (0 for none), half width of the hollow core (0 for none).
    @location(4) @interpolate(flat) inside: vec2f,
}

@vertex
fn vertex(@builtin(vertex_index) corner: u32, edge: Edge) -> Varying {
    let a = edge.ends.xy * camera.scale + camera.origin;
    let b = edge.ends.zw * camera.scale + camera.origin;
    let span = b - a;
    let len = max(length(span), 0.001);
    let along = span / len;
    let across = vec2f(-along.y, along.x);

    let is_hollow = edge.shape.w > 1.5;
    // A hollow edge needs space for two lines and a gap.
    let min_width = select(0.6, 5.0 * camera.density, is_hollow);
    let half_width = 0.5 * max(edge.shape.x * camera.scale, min_width);
    var half_previous = -1.0;
    if edge.shape.y >= 0.0 {
        half_previous = max(0.5 * edge.shape.y * camera.scale, 1.5 * camera.density);
    }
    let glow = edge.shape.z;
    let glow_radius = select(0.0, clamp(7.0 * camera.scale, 4.0 * camera.density, 16.0 * camera.density), glow > 0.0);

    let reach = max(half_width + 2.0 * glow_radius, half_previous + camera.density) + 1.0;
    let side = vec2f(f32(corner & 1u), f32(corner >> 1u));
    let offset = vec2f(mix(-reach, len + reach, side.x), mix(-reach, reach, side.y));
    let pixel = a + along * offset.x + across * offset.y;

    var out: Varying;
    let ndc = pixel / camera.target_size * 2.0 - 1.0;
    out.position = vec4f(ndc.x, -ndc.y, 0.0, 1.0);
    out.offset = offset;
    out.shape = vec4f(len, half_width, half_previous, glow_radius);
    out.color = edge.color;
    out.glow_color = edge.glow_color * glow;
    let is_dashed = edge.shape.w % 2.0 > 0.5 && len > 6.0 * camera.dash;
    out.inside = vec2f(
        select(0.0, camera.dash, is_dashed),
        select(0.0, half_width - 1.4 * camera.density, is_hollow),
    );
    return out;
}

// Coverage of a pixel at distance d from the centre of a band.
fn band(d: f32, half_width: f32) -> f32 {
    return clamp(half_width - d + 0.5, 0.0, 1.0) - clamp(-half_width - d + 0.5, 0.0, 1.0);
}

@fragment
fn fragment(in: Varying) -> @location(0) vec4f {
    let beyond = in.offset.x - clamp(in.offset.x, 0.0, in.shape.x);
    let d = length(vec2f(beyond, in.offset.y));

    var coverage = band(d, in.shape.y);
    if in.inside.y > 0.0 {
        coverage -= band(d, in.inside.y);
    }
    if in.inside.x > 0.0 {
        // Gaps of three eighths of a period, so that the sign is visible without colour.
        let period = in.inside.x * 1.6;
        let phase = abs(fract(in.offset.x / period + 0.5) - 0.5) * period;
        coverage *= clamp(in.inside.x * 0.5 - phase + 0.5, 0.0, 1.0);
    }
    var color = in.color * coverage;

    if in.shape.w > 0.0 {
        let outside = max(d - in.shape.y, 0.0) / in.shape.w;
        color += in.glow_color * (0.55 * exp(-2.2 * outside * outside)) * (1.0 - color.a);
    }
    if in.shape.z >= 0.0 {
        let outline = band(abs(d - in.shape.z), 0.5 * camera.density);
        color = camera.previous_color * outline + color * (1.0 - camera.previous_color.a * outline);
    }
    return color;
}

// Neurons and pulses: discs with a ring and a halo. Each instance is one disc. The fragment stage measures the distance
// to the centre, so that discs are smooth at every zoom without MSAA.

struct Disc {
    @location(0) center: vec2f,
    // Radius, width of the ring inside it, strength of the halo, reach of the halo.
    @location(1) shape: vec4f,
    // Premultiplied.
    @location(2) fill: vec4f,
    @location(3) ring: vec4f,
    @location(4) halo: vec4f,
}

struct Varying {
    @builtin(position) position: vec4f,
    // Offset from the centre, in pixels.
    @location(0) offset: vec2f,
    // Radius, ring width, reach of the halo.
    @location(1) @interpolate(flat) shape: vec3f,
    @location(2) @interpolate(flat) fill: vec4f,
    @location(3) @interpolate(flat) ring: vec4f,
    @location(4) @interpolate(flat) halo: vec4f,
}

@vertex
fn vertex(@builtin(vertex_index) corner: u32, disc: Disc) -> Varying {
    let radius = max(disc.shape.x * camera.scale, 0.8 * camera.density);
    let ring = min(select(0.0, max(disc.shape.y * camera.scale, 0.8 * camera.density), disc.shape.y > 0.0), radius);
    let halo_reach = select(0.0, max(disc.shape.w * camera.scale, 3.0 * camera.density), disc.shape.z > 0.0);
    let reach = radius + 2.0 * halo_reach + 1.0;
    let side = vec2f(f32(corner & 1u), f32(corner >> 1u)) * 2.0 - 1.0;
    let offset = side * reach;
    let pixel = disc.center * camera.scale + camera.origin + offset;

    var out: Varying;
    let ndc = pixel / camera.target_size * 2.0 - 1.0;
    out.position = vec4f(ndc.x, -ndc.y, 0.0, 1.0);
    out.offset = offset;
    out.shape = vec3f(radius, ring, halo_reach);
    out.fill = disc.fill;
    out.ring = disc.ring;
    out.halo = disc.halo * disc.shape.z;
    return out;
}

@fragment
fn fragment(in: Varying) -> @location(0) vec4f {
    let d = length(in.offset);
    let covered = clamp(in.shape.x - d + 0.5, 0.0, 1.0);
    let inner = clamp(in.shape.x - in.shape.y - d + 0.5, 0.0, 1.0);
    var color = in.fill * inner + in.ring * (covered - inner);
    if in.shape.z > 0.0 {
        let beyond = max(d - in.shape.x, 0.0) / in.shape.z;
        color += in.halo * (0.6 * exp(-2.2 * beyond * beyond)) * (1.0 - covered);
    }
    return color;
}

// The one uniform block, which stands before each of the other shaders.

struct Camera {
    // Pixels per world unit.
    scale: f32,
    // Pixels per point.
    density: f32,
    // Where the world's origin lies, in pixels.
    origin: vec2f,
    // Size of the target, in pixels.
    target_size: vec2f,
    // Length of the dashes of negative edges in pixels; 0 for none.
    dash: f32,
    padding: f32,
    // Colour of ghost outlines, premultiplied.
    ghost_color: vec4f,
}

@group(0) @binding(0) var<uniform> camera: Camera;


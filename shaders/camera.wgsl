// The uniform block. The program puts this file in front of each of the other shaders.

struct Camera {
    // Pixels per world unit.
    scale: f32,
    // Pixels per point.
    density: f32,
    // Position of the world's origin, in pixels.
    origin: vec2f,
    // Size of the target, in pixels.
    target_size: vec2f,
    // Length of the dashes of negative edges, in pixels; 0 for none.
    dash: f32,
    padding: f32,
    // Colour of the outlines that show previous widths, premultiplied.
    previous_color: vec4f,
}

@group(0) @binding(0) var<uniform> camera: Camera;


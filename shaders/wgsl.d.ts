// A shader is a real file; the bundler and the test runner import it as its text.
declare module "*.wgsl" {
  const source: string;
  export default source;
}

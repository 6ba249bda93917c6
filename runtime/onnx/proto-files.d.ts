/** The bundler (and a plugin of the test runner) puts `.proto` files into the code as strings. */
declare module "*.proto" {
  const text: string;
  export default text;
}

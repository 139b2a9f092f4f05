export const System = () => <h1>System</h1>;

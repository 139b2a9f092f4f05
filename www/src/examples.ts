/* A first program per language: reads two numbers, prints their sum. */

export const EXAMPLES: Record<string, string> = {
  python: `a, b = map(int, input().split())
print(a + b)
`,
  go: `package main

import "fmt"

func main() {
	var a, b int
	fmt.Scan(&a, &b)
	fmt.Println(a + b)
}
`,
  c: `#include <stdio.h>

int main(void)
{
    int a, b;

    if (scanf("%d %d", &a, &b) != 2)
        return 1;
    printf("%d\\n", a + b);
    return 0;
}
`,
  cpp: `#include <iostream>

int main()
{
    int a, b;

    std::cin >> a >> b;
    std::cout << a + b << '\\n';
}
`,
  java: `import java.util.Scanner;

public class Main {
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        System.out.println(in.nextInt() + in.nextInt());
    }
}
`,
};

export const EXAMPLE_TESTS = [
  { input: '1 2\n', expected_output: '3\n' },
  { input: '20 22\n', expected_output: '42\n' },
  { input: '-5 5\n', expected_output: '0\n' },
];

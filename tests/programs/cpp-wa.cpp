#include <iostream>

int main()
{
    int sum = 0, n;
    while (std::cin >> n)
        sum += n;
    std::cout << sum + 1 << "\n";
}

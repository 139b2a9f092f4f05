int main()
{
    std::vector<int> undeclared;
}

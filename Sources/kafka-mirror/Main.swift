import ArgumentParser
import MirrorCommands

@main
enum Main {
    static func main() async {
        await KafkaMirrorCommand.main()
    }
}

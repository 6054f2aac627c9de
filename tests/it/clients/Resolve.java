import java.net.InetAddress;
import java.net.UnknownHostException;

/** Asks Java's resolver for the name in its argument; prints one address a line. */
class Resolve {
    public static void main(String[] words) throws UnknownHostException {
        for (InetAddress address : InetAddress.getAllByName(words[0])) {
            System.out.println(address.getHostAddress());
        }
    }
}
